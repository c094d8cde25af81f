//! One second outside: every document's dates bind, and the verdict names the document.

use std::collections::BTreeMap;

use merotee::attestation::{
    quote::Validity,
    verdict::{Dated, DcapVerifier, Document, Rejection},
};

use super::Case;

/// Every dated document of a case, those in the quote among them. A chain counts while all its certificates do.
fn documents(case: &Case, verifier: &DcapVerifier) -> Vec<Dated> {
    let mut documents = case.collateral().dated().to_vec();
    let chain = case.quote();
    let chain = chain.certification.chain().iter();
    documents.extend(chain.map(|c| Dated { document: Document::PckChain, validity: c.validity() }));
    documents.push(Dated { document: Document::Root, validity: verifier.root().validity() });
    let mut whole: BTreeMap<Document, Validity> = BTreeMap::new();
    for Dated { document, validity } in documents {
        let entry = whole.entry(document).or_insert(validity);
        entry.from = entry.from.max(validity.from);
        entry.until = entry.until.min(validity.until);
    }
    whole.into_iter().map(|(document, validity)| Dated { document, validity }).collect()
}

fn named(outcome: Result<impl Sized, Rejection>) -> Vec<Document> {
    match outcome {
        Ok(_) => Vec::new(),
        Err(Rejection::OutsideValidity { documents, .. }) => documents.iter().map(|dated| dated.document).collect(),
        Err(other) => panic!("dates come first, but: {other}"),
    }
}

#[test]
fn one_second_outside_any_documents_validity_is_rejected_and_names_it() {
    let verifier = DcapVerifier::intel().unwrap();
    for case in Case::verified() {
        let (quote, collateral) = (case.quote(), case.collateral());
        let at = |now| named(verifier.verify(&quote, &collateral, now));
        for Dated { document, validity } in documents(&case, &verifier) {
            assert!(at(validity.until + 1).contains(&document), "{}: {document} expired", case.name());
            assert!(!at(validity.until).contains(&document), "{}: {document} not yet expired", case.name());
            if let Some(before) = validity.from.checked_sub(1) {
                assert!(at(before).contains(&document), "{}: {document} not yet valid", case.name());
                assert!(!at(validity.from).contains(&document), "{}: {document} just valid", case.name());
            }
        }
    }
}

#[test]
fn within_all_dates_the_quote_is_accepted_to_the_last_second() {
    let verifier = DcapVerifier::intel().unwrap();
    for case in Case::verified() {
        let (quote, collateral) = (case.quote(), case.collateral());
        let documents = documents(&case, &verifier);
        let first = documents.iter().map(|d| d.validity.from).max().unwrap();
        let last = documents.iter().min_by_key(|d| d.validity.until).unwrap();
        for now in [first, last.validity.until] {
            let verdict = verifier.verify(&quote, &collateral, now).unwrap_or_else(|e| panic!("{}: {e}", case.name()));
            assert_eq!(verdict.until, *last);
        }
        let after = named(verifier.verify(&quote, &collateral, last.validity.until + 1));
        assert!(after.contains(&last.document), "{}: {after:?}", case.name());
    }
}

#[test]
fn one_second_outside_the_window_of_each_case_is_rejected_by_date() {
    let verifier = DcapVerifier::intel().unwrap();
    for case in Case::verified() {
        let (quote, collateral) = (case.quote(), case.collateral());
        let (from, until) = (case.number("valid_from_unix"), case.number("valid_until_unix"));
        verifier.verify(&quote, &collateral, from).unwrap_or_else(|e| panic!("{}: {e}", case.name()));
        let early = named(verifier.verify(&quote, &collateral, from - 1));
        assert!(early.contains(&Document::TcbInfo) || early.contains(&Document::QeIdentity), "{}", case.name());
        let late = verifier.verify(&quote, &collateral, until + 1).unwrap_err().to_string();
        assert!(late.contains(" expired at 20"), "{}: {late}", case.name());
        assert!(!named(verifier.verify(&quote, &collateral, until + 1)).is_empty());
    }
}
