//! `quote verify`: whether a quote is genuine, and what a policy and a nonce say to it.

use std::time::Instant;

use super::judgement::{Judgement, Occasion};
use crate::{
    attestation::{quote::input::Form, verdict::ExpectedBinding},
    cli::quote::{Half, QuoteVerifyArgs},
    context::Context,
    error::{Error, Result},
    product::Product,
    report::Report,
    subject::role::Role,
};

pub(super) async fn run(args: &QuoteVerifyArgs, context: &Context) -> Result<Product> {
    let started = Instant::now();
    if args.offline && args.by.collateral.is_none() && args.by.quotes.cache.is_none() {
        return Err(Error::usage("--offline needs collateral: give --collateral FILE, or --cache DIR"));
    }
    let judgement = Judgement::new(&args.by, context, args.offline)?;
    let (input, name) = super::read(&args.file)?;
    let role = args.role.map(Role::from).or(match input.form {
        Form::KmsAttest => Some(Role::Kms),
        Form::NodeAttest => Some(Role::Node),
        Form::Binary
        | Form::Hex
        | Form::Base64
        | Form::JsonValue
        | Form::DstackGetQuote
        | Form::DstackAttestation
        | Form::JsonField(_) => None,
    });
    let occasion = Occasion {
        role,
        nonce: args.nonce.map(|Half(bytes)| bytes),
        binding: args.binding.map_or(ExpectedBinding::Unstated, |Half(bytes)| ExpectedBinding::Given(bytes)),
    };
    let section = judgement.judge(&name, &input, &occasion).await?;
    Ok(Product::report(Report {
        command: "quote verify".into(),
        rules: judgement.rules(),
        sections: vec![section],
        caveats: judgement.caveats(),
        elapsed: Some(started.elapsed()),
        ..Report::default()
    }))
}
