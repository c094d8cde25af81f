//! A whole Sigstore instance: Fulcio CA, CT log, Rekor, TSA.
