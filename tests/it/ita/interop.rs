//! PyJWT, another implementation of JSON Web Tokens, on the sandbox's tokens: what it accepts and what it refuses.

use std::{process::Command, sync::Arc};

use jiff::Timestamp;
use merotee::{
    attestation::measurement::{Measurement, Registers},
    sandbox::{
        ita::{Fault, Ita, Layout, Signing},
        tdx::{Platform, QuoteRequest},
    },
};

use crate::{binary::Place, outside::program};

/// Prints `ok` and the claims' issuer, or the name of the error. It is given key set, issuer and token.
const SCRIPT: &str = r#"
import sys, jwt
keys, issuer, token = sys.argv[1:]
try:
    kid = jwt.get_unverified_header(token)["kid"]
    key = next(k for k in jwt.PyJWKSet.from_json(open(keys).read()).keys if k.key_id == kid)
    claims = jwt.decode(token, key, algorithms=["PS384", "RS256"], issuer=issuer)
    print("ok", claims["iss"])
except StopIteration:
    print("UnknownKey")
except Exception as error:
    print(type(error).__name__)
"#;

const PORTAL: &str = "https://portal.sandbox.example";

#[test]
fn pyjwt_accepts_the_sandboxs_tokens_and_refuses_them_forged() {
    let Some(python) = program("python-with-pyjwt", "MEROTEE_PYJWT") else { return };
    let now = Timestamp::now();
    let platform = Arc::new(Platform::new(0, now).unwrap());
    let quote = platform.quote(&QuoteRequest::new(Registers::from_fn(|_| Measurement::from_bytes([7; 48])), [9; 64]));
    let ita = Ita::new(platform, 0, PORTAL).unwrap();
    let place = Place::new();
    let keys = place.write("jwks.json", ita.jwks().unwrap().to_string());
    place.write("judge.py", SCRIPT);
    let judged = |issuer: &str, token: &str| {
        let mut command = Command::new(&python);
        let output = command.arg(place.path("judge.py")).arg(&keys).args([issuer, token]).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        text.trim().to_owned()
    };
    let token = || ita.token(&quote, now, |_| {}).unwrap();
    for (layout, issuer) in [(Layout::Two, PORTAL), (Layout::One, "Intel Trust Authority")] {
        for signing in [Signing::Ps384, Signing::Rs256] {
            ita.speak(layout, signing);
            assert_eq!(judged(issuer, &token()), format!("ok {issuer}"), "{layout:?} {signing:?}");
        }
    }
    ita.speak(Layout::Two, Signing::Ps384);
    for (fault, error) in [
        (Fault::Expired, "ExpiredSignatureError"),
        (Fault::NotYetValid, "ImmatureSignatureError"),
        (Fault::OtherIssuer, "InvalidIssuerError"),
        (Fault::OtherClaims, "InvalidSignatureError"),
        (Fault::AlgNone, "InvalidAlgorithmError"),
        (Fault::AlgHs256, "InvalidAlgorithmError"),
        (Fault::UnknownKid, "UnknownKey"),
        // Signed by a key that the published set does not hold under this name.
        (Fault::KeyUnlikeLeaf, "InvalidSignatureError"),
    ] {
        ita.fail(fault);
        let forged = token();
        ita.recover();
        assert_eq!(judged(PORTAL, &forged), error, "{fault:?}");
    }
}
