//! Where a KMS is deployed for good: a machine on the sandbox's Phala Cloud, and a compose file by a stand-in for Docker.

mod compose;
mod phala;
