//! Intel Trust Authority: its tokens judged as values, through the commands, and by another implementation.

mod commands;
mod hostile;
mod interop;
mod secrets;
mod verifier;
