//! The compatibility catalog: which KMS and node image versions were tested together.
