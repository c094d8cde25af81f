//! Whom the client talks to, and where a redirect may lead.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::*;

fn http(api: &str, token: &str) -> Result<Http> {
    let api = Url::parse(api).map_err(|e| Error::internal(e.to_string()))?;
    Http::new(Service::GitHub, api, Some(&SecretString::from(token)), HttpOptions::default())
}

#[test]
fn only_the_same_scheme_host_and_port_without_credentials_is_the_api() {
    let http = http("https://ghe.example/api/v3", "t").unwrap();
    let is = |url: &str| http.is_own(&Url::parse(url).unwrap());
    assert!(is("https://ghe.example/anything"));
    assert!(is("https://GHE.example:443/"));
    assert!(!is("http://ghe.example/"));
    assert!(!is("https://ghe.example:8443/"));
    assert!(!is("https://ghe.example.evil.example/"));
    assert!(!is("https://ghe.example@evil.example/"));
    assert!(!is("https://user@ghe.example/"));
}

#[test]
fn an_api_url_with_credentials_or_of_another_scheme_is_a_usage_error() {
    for bad in ["https://u:p@ghe.example/", "ftp://ghe.example/", "data:x", "file:///etc"] {
        let error = http(bad, "t").unwrap_err();
        assert_eq!(error.class(), crate::error::Class::Usage, "{bad}");
        assert!(!error.to_string().contains("u:p"), "{error}");
    }
}

#[test]
fn a_token_is_trimmed_and_never_printed() {
    assert!(!http("https://a.example", " \n").unwrap().has_token());
    let http = http("https://a.example", "s3cret\n").unwrap();
    assert_eq!(http.authorization.as_ref().map(HeaderValue::as_bytes), Some(&b"Bearer s3cret"[..]));
    assert!(!format!("{http:?} {:?}", http.authorization).contains("s3cret"));
    let error = self::http("https://a.example", "s3\ncret").unwrap_err();
    assert!(!format!("{error:?}").contains("s3"));
}

#[test]
fn redirects_lead_neither_from_https_to_http_nor_out_of_http_nor_api_calls_elsewhere() {
    let http = http("https://api.example/", "t").unwrap();
    let from = Url::parse("https://api.example/a/b").unwrap();
    let hop = |to, allowed| http.hop(&from, Some(to), allowed).map(String::from);
    assert_eq!(hop("c?d", Redirects::WithinService), Ok("https://api.example/a/c?d".to_owned()));
    assert_eq!(hop("https://blob.example/x", Redirects::Anywhere), Ok("https://blob.example/x".to_owned()));
    for (to, why) in [
        ("http://blob.example/x?sig=s3cret", "from https to http (blob.example)"),
        ("http://api.example/x", "from https to http"),
        ("file:///etc/passwd", "a file: URL"),
        ("https://u:s3cret@blob.example/", "credentials"),
        ("https://", "without saying where"),
    ] {
        let refusal = hop(to, Redirects::Anywhere).unwrap_err();
        assert!(refusal.contains(why) && !refusal.contains("s3cret"), "{refusal}");
    }
    assert!(hop("https://blob.example/x?sig=s3cret", Redirects::WithinService).unwrap_err().ends_with("blob.example"));
    assert!(http.hop(&from, None, Redirects::Anywhere).is_err());
}
