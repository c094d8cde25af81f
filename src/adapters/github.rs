//! The GitHub REST API, as far as releases need it.
