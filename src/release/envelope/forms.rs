//! The tables: what may stand in each form, from Sigstore's protobuf-specs, the DSSE specification and cosign's source.

/// An object of a form.
pub(super) struct Message {
    /// Every field, under the one name that is read.
    pub(super) fields: &'static [(&'static str, Shape)],
    /// Fields of which exactly one must stand.
    pub(super) one_of: &'static [&'static str],
    /// Lists that may hold one value at most.
    pub(super) single: &'static [&'static str],
    /// Whether a field that is not in the table is refused, whatever it is.
    pub(super) closed: bool,
}

/// What stands in a field.
#[derive(Clone, Copy)]
pub(super) enum Shape {
    /// A value, or a list of them.
    Leaf,
    /// An object.
    One(&'static Message),
    /// A list of objects.
    Many(&'static Message),
}

use Shape::{Leaf, Many, One};

impl Message {
    const fn of(fields: &'static [(&'static str, Shape)]) -> Self {
        Self { fields, one_of: &[], single: &[], closed: true }
    }

    pub(super) fn field(&self, key: &str) -> Option<Shape> {
        self.fields.iter().find(|(name, _)| *name == key).map(|(_, shape)| *shape)
    }

    /// The field that `key` is another spelling of: protobuf's own name beside that of JSON, or Go's, which knows no case.
    pub(super) fn respelled(&self, key: &str) -> Option<&'static str> {
        self.fields.iter().map(|(name, _)| *name).find(|name| folded(name) == folded(key))
    }
}

/// Whether a field is the mark of some form: beside another form's, a reader could take the document for either.
pub(super) fn foreign_mark(key: &str) -> bool {
    let roots = [&BUNDLE, &COSIGN_BUNDLE, &ENVELOPE, &STATEMENT];
    roots.iter().any(|root| root.respelled(key).is_some())
}

fn folded(key: &str) -> String {
    key.chars().filter(|c| *c != '_').flat_map(char::to_lowercase).collect()
}

/// `dev.sigstore.bundle.v1.Bundle`.
pub(super) static BUNDLE: Message = Message {
    one_of: &["messageSignature", "dsseEnvelope"],
    ..Message::of(&[
        ("mediaType", Leaf),
        ("verificationMaterial", One(&MATERIAL)),
        ("messageSignature", One(&MESSAGE_SIGNATURE)),
        ("dsseEnvelope", One(&ENCLOSED_ENVELOPE)),
    ])
};

/// What `cosign sign-blob --bundle` wrote.
pub(super) static COSIGN_BUNDLE: Message =
    Message::of(&[("base64Signature", Leaf), ("cert", Leaf), ("rekorBundle", One(&REKOR_BUNDLE))]);

/// A DSSE envelope that stands by itself. Its specification lets readers ignore what they do not know.
pub(super) static ENVELOPE: Message = Message {
    closed: false,
    ..Message::of(&[("payload", Leaf), ("payloadType", Leaf), ("signatures", Many(&LONE_SIGNATURE))])
};

/// An in-toto statement, whose specification lets readers ignore what they do not know.
pub(super) static STATEMENT: Message = Message {
    closed: false,
    ..Message::of(&[("_type", Leaf), ("subject", Many(&SUBJECT)), ("predicateType", Leaf), ("predicate", Leaf)])
};
static SUBJECT: Message = Message {
    closed: false,
    ..Message::of(&[
        ("name", Leaf),
        ("digest", Leaf),
        ("uri", Leaf),
        ("content", Leaf),
        ("downloadLocation", Leaf),
        ("mediaType", Leaf),
        ("annotations", Leaf),
    ])
};

static MATERIAL: Message = Message {
    one_of: &["certificate", "x509CertificateChain", "publicKey"],
    // sigstore-python demands exactly one as well. With more, which proves the time, and of which signature?
    single: &["tlogEntries"],
    ..Message::of(&[
        ("certificate", One(&RAW)),
        ("x509CertificateChain", One(&CHAIN)),
        ("publicKey", One(&HINT)),
        ("tlogEntries", Many(&ENTRY)),
        ("timestampVerificationData", One(&TIMESTAMPS)),
    ])
};
static RAW: Message = Message::of(&[("rawBytes", Leaf)]);
static CHAIN: Message = Message::of(&[("certificates", Many(&RAW))]);
static HINT: Message = Message::of(&[("hint", Leaf)]);
static TIMESTAMPS: Message = Message::of(&[("rfc3161Timestamps", Many(&TIMESTAMP))]);
static TIMESTAMP: Message = Message::of(&[("signedTimestamp", Leaf)]);

static ENTRY: Message = Message::of(&[
    ("logIndex", Leaf),
    ("logId", One(&LOG_ID)),
    ("kindVersion", One(&KIND_VERSION)),
    ("integratedTime", Leaf),
    ("inclusionPromise", One(&PROMISE)),
    ("inclusionProof", One(&PROOF)),
    ("canonicalizedBody", Leaf),
]);
static LOG_ID: Message = Message::of(&[("keyId", Leaf)]);
static KIND_VERSION: Message = Message::of(&[("kind", Leaf), ("version", Leaf)]);
static PROMISE: Message = Message::of(&[("signedEntryTimestamp", Leaf)]);
static PROOF: Message = Message::of(&[
    ("logIndex", Leaf),
    ("rootHash", Leaf),
    ("treeSize", Leaf),
    ("hashes", Leaf),
    ("checkpoint", One(&CHECKPOINT)),
]);
static CHECKPOINT: Message = Message::of(&[("envelope", Leaf)]);

static MESSAGE_SIGNATURE: Message = Message::of(&[("messageDigest", One(&DIGEST)), ("signature", Leaf)]);
static DIGEST: Message = Message::of(&[("algorithm", Leaf), ("digest", Leaf)]);

static ENCLOSED_ENVELOPE: Message =
    Message::of(&[("payload", Leaf), ("payloadType", Leaf), ("signatures", Many(&SIGNATURE))]);
static SIGNATURE: Message = Message::of(&[("sig", Leaf), ("keyid", Leaf)]);
/// `cert` is what the SLSA generator for GitHub adds.
static LONE_SIGNATURE: Message =
    Message { closed: false, ..Message::of(&[("sig", Leaf), ("keyid", Leaf), ("cert", Leaf)]) };

static REKOR_BUNDLE: Message = Message::of(&[("SignedEntryTimestamp", Leaf), ("Payload", One(&REKOR_PAYLOAD))]);
static REKOR_PAYLOAD: Message =
    Message::of(&[("body", Leaf), ("integratedTime", Leaf), ("logIndex", Leaf), ("logID", Leaf)]);
