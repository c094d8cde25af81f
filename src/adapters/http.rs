//! HTTP with bounds: timeouts, sizes, retries.
