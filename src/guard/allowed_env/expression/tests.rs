//! What expressions refer to, and what they only read.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::*;

fn found(text: &str) -> Vec<(String, usize)> {
    hits(text).into_iter().map(|hit| (hit.name, hit.start)).collect()
}

#[test]
fn references_are_seen_however_they_are_written() {
    for (text, name, at) in [
        ("${{ vars.ALLOWED_MRTD }}", "ALLOWED_MRTD", 4),
        ("${{vars . ALLOWED_MRTD}}", "ALLOWED_MRTD", 3),
        ("x ${{ a || secrets['ALLOWED_MRTD'] }}", "ALLOWED_MRTD", 11),
        ("${{ INPUTS.allowed-mrtd }}", "allowed-mrtd", 4),
        ("${{ github.event.inputs.ALLOWED_MRTD }}", "ALLOWED_MRTD", 4),
        ("${{ vars[format('ALLOWED_{0}', 'MRTD')] }}", "ALLOWED_MRTD", 4),
        ("${{ vars[format('ALLOWED_{0}', matrix.r)] }}", "ALLOWED_*", 4),
        ("${{ fromJSON('{\"ALLOWED_MRTD\":\"x\"}') }}", "ALLOWED_MRTD", 4),
        ("${{ toJSON(vars) }}", "toJSON(vars)", 4),
        ("${{ toJson( secrets ) }}", "toJSON(secrets)", 4),
        ("${{ vars.* }}", "vars.*", 4),
        ("${{ contains(vars.ALLOWED_MRTD, 'x') }}", "ALLOWED_MRTD", 13),
        ("${{ '}}' }}${{ vars.USE_ENV_POLICY }}", "USE_ENV_POLICY", 15),
        ("${{ ((vars.ALLOWED_MRTD)) }}", "ALLOWED_MRTD", 6),
        ("${{ !vars.ALLOWED_MRTD && 1 }}", "ALLOWED_MRTD", 5),
        ("${{ (vars).ALLOWED_MRTD }}", "ALLOWED_MRTD", 4),
        ("${{ ((secrets))['ALLOWED_MRTD'] }}", "ALLOWED_MRTD", 4),
        ("${{ inputs.debug && 'ALLOWED_MRTD=abc' || 'A=1' }}", "ALLOWED_MRTD", 20),
        ("${{ 'export ALLOWED_MRTD=x' }}", "ALLOWED_MRTD", 4),
        ("${{ contains(a, 'b') && 'A=1 ALLOWED_MRTD=x' }}", "ALLOWED_MRTD", 24),
        ("${{ format('ALLOWED_MRTD={0}', a) }}", "ALLOWED_MRTD", 4),
    ] {
        assert_eq!(found(text).first(), Some(&(name.to_owned(), at)), "{text}");
    }
}

#[test]
fn reading_a_message_or_another_variable_is_no_reference() {
    for text in [
        "${{ contains(github.event.head_commit.message, 'ALLOWED_MRTD') }}",
        "${{ vars.GCP_ATTESTATION_ALLOWED_CIDRS }}",
        "${{ toJSON(inputs) }} ${{ toJSON(github) }}",
        "vars.ALLOWED_MRTD",
        "${{ needs.a.outputs.x == 'ALLOWED_MRTD' }}",
        "${{ secrets.GITHUB_TOKEN }}",
        "${{ format('{0}', 'x') }}",
        "${{ contains(a, 'ALLOWED_MRTD=') || startsWith(a, 'ALLOWED_MRTD=x') }}",
        "${{ a == 'ALLOWED_MRTD=x' || 'ALLOWED_MRTD=x' != a }}",
        "${{ a && 'ALLOWED_MRTD is not used' }}",
        "${{ a && 'USE_ENV_POLICY=false' }}",
    ] {
        assert_eq!(found(text), [], "{text}");
    }
}

#[test]
fn nesting_without_end_is_read_as_far_as_its_bound() {
    let text = format!("${{{{ {}vars.ALLOWED_MRTD", "(".repeat(10_000));
    assert!(found(&text).len() <= 1);
    assert!(hits(&"${{".repeat(10_000)).is_empty());
}
