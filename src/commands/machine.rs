//! Machines on the clouds: made, waited for and taken down again, each step written down in a journal before it is taken. What
//! a machine is for, and what is asked of it, is the caller's business.

pub(super) mod cvm;
pub(super) mod folder;
pub(super) mod healthy;
pub(super) mod pauses;
pub(super) mod removed;
pub(super) mod signals;
pub(super) mod stated;
pub(super) mod vm;
