//! A dstack KMS from its VM to its keys, against a dstack host in this process: `dstack deploy`, `bootstrap`, `onboard`, `logs` and
//! `preflight`, through the binary.

mod bootstrapped;
mod deployed;
mod faults;
mod interrupted;
mod recorded;
mod resumed;
mod stage;
mod walk;
