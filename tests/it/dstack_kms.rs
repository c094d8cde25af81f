//! A dstack KMS by its documents: what the real programs answered, in every form, whole and changed; the files that deploy
//! one; the list of who may boot.

mod auth;
mod backup;
mod changed;
mod compose;
mod recorded;

use std::{fs, path::PathBuf};

use merotee::{
    attestation::verdict::{Collateral, DcapVerifier},
    dstack::{
        attestation::Attestation,
        bootstrap_info::{Basis, BootstrapInfo, Judged, judge},
    },
};
use serde_json::{Value, json};

use crate::{
    binary::{Place, Run},
    corpus::corpus,
};

/// As of when the recorded quote is judged.
const AT: &str = "2026-11-21T15:37:48Z";
/// The same, in seconds since 1970.
const AT_SECONDS: u64 = 1_795_275_468;

/// What was recorded of a KMS.
struct Recorded {
    folder: PathBuf,
    document: Value,
    attestation: Attestation,
}

impl Recorded {
    fn load() -> Option<Self> {
        let folder = corpus("dstack")?;
        let document: Value = serde_json::from_slice(&fs::read(folder.join("bootstrap-info.json")).unwrap()).unwrap();
        let bytes = hex::decode(document["attestation"].as_str().unwrap()).unwrap();
        let attestation = Attestation::decode(&bytes).unwrap();
        Some(Self { folder, document, attestation })
    }

    fn file(&self, name: &str) -> String {
        self.folder.join(name).display().to_string()
    }

    /// The body of a recorded exchange.
    fn body(&self, name: &str) -> String {
        let text = fs::read_to_string(self.folder.join(name)).unwrap();
        let text = text.replace("\r\n", "\n");
        let (_, body) = text.split_once("\n\n").unwrap();
        // The recorder wrote how long it took behind the body.
        body.rsplit_once("\n[time_total=").map_or(body, |(body, _)| body).to_owned()
    }

    /// The document with another attestation.
    fn with(&self, attestation: &Attestation) -> Value {
        let mut document = self.document.clone();
        document["attestation"] = json!(hex::encode(attestation.encode()));
        document
    }

    /// `dstack verify` of a document in the working folder.
    fn verify(&self, place: &Place, document: &str, more: &[&str]) -> Run {
        let (collateral, root) = (self.file("collateral.json"), self.file("tdx-root-ca.pem"));
        let words = ["dstack", "verify", "--bootstrap-info", document, "--collateral", &collateral, "--root", &root];
        place.merotee(words).args(["--at", AT]).args(more).run()
    }

    /// What is judged of a document, without a process.
    fn judged(&self, document: &Value) -> Result<Judged, String> {
        let info = BootstrapInfo::from_json(document).map_err(|error| error.to_string())?;
        let quote = info.quote().map_err(|error| error.to_string())?;
        let root = pem::parse(fs::read(self.folder.join("tdx-root-ca.pem")).unwrap()).unwrap();
        let verifier = DcapVerifier::new(root.contents()).unwrap().allow_debug(true);
        let collateral = Collateral::from_json(&fs::read(self.folder.join("collateral.json")).unwrap()).unwrap();
        let basis = Basis { verifier: &verifier, collateral: &collateral, now: AT_SECONDS, allow_debug: false };
        Ok(judge("document", &info, &quote, &basis))
    }
}

/// A value with something of it changed.
fn changed<T: Clone>(value: &T, change: impl FnOnce(&mut T)) -> T {
    let mut value = value.clone();
    change(&mut value);
    value
}
