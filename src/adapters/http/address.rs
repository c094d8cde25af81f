//! What the address of a service may be.

use url::Url;

use super::{
    origin::{has_credentials, has_parameters, is_http},
    service::Service,
};
use crate::{
    error::{Error, Result},
    text::excerpt,
};

/// Demands a web address that holds no secret.
///
/// # Errors
/// Usage: it is none, or carries credentials, or parameters where the service has none.
pub(super) fn demand_sound(service: Service, base: &Url) -> Result<()> {
    let noun = service.noun();
    if !is_http(base) || base.host_str().is_none() {
        let scheme = excerpt(base.scheme());
        return Err(Error::usage(format!("the URL of {noun} must start with https:// or http://, not {scheme}:")));
    }
    if has_credentials(base) {
        return Err(Error::usage(format!("the URL of {noun} must not carry a user name or password"))
            .help(service.instead_of_credentials()));
    }
    if has_parameters(base) && service.is_plain_address() {
        return Err(Error::usage(format!("the URL of {noun} must not carry a query or fragment"))
            .help(service.instead_of_credentials()));
    }
    Ok(())
}
