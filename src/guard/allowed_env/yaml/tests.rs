//! Where in a tree a name becomes a variable, and where it does not.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::*;

fn places(text: &str) -> Vec<usize> {
    found(&Tree::parse(text).unwrap()).into_iter().map(|found| found.hit.start).collect()
}

/// What must be found is marked with `@`.
fn is_found(text: &str) {
    let place = text.find('@').unwrap();
    assert_eq!(places(&text.replace('@', "")), [place], "{text}");
}

#[test]
fn a_name_that_the_author_has_chosen_hides_nothing_below_it() {
    for id in ["matrix", "env", "environment", "secrets", "inputs", "with", "variables", "args", "services", "run"] {
        is_found(&format!(
            "jobs: {{{id}: {{runs-on: x, steps: [{{run: 'echo \"@ALLOWED_MRTD=x\" >> \"$GITHUB_ENV\"'}}]}}}}"
        ));
        is_found(&format!("jobs: {{{id}: {{env: {{@ALLOWED_MRTD: x}}}}}}"));
        is_found(&format!("jobs: {{a: {{services: {{{id}: {{env: {{@ALLOWED_MRTD: x}}}}}}}}}}"));
        is_found(&format!("services: {{{id}: {{environment: [@ALLOWED_MRTD=x]}}}}"));
        is_found(&format!("services: {{}}\nconfigs: {{{id}: {{content: '@ALLOWED_MRTD=x'}}}}"));
    }
    is_found("x: &j {matrix: {env: {@ALLOWED_MRTD: x}}}\njobs: {<<: *j}");
    is_found("services: [{env: {@ALLOWED_MRTD: x}}]");
    is_found("jobs: {env: {strategy: {matrix: {@ALLOWED_MRTD: [x]}}}}");
    let prose = "jobs: {matrix: {steps: [{run: 'echo \"never set here, ALLOWED_MRTD\"'}]}}";
    assert_eq!(places(prose), [0_usize; 0], "{prose}");
}

#[test]
fn shells_and_files_in_the_file_are_read() {
    for text in [
        "defaults: {run: {shell: 'env @ALLOWED_MRTD=x bash -e {0}'}}\njobs: {}",
        "jobs: {a: {steps: [{shell: 'bash -c \"@ALLOWED_MRTD=x bash {0}\"', run: a}]}}",
        "jobs:\n  a:\n    steps:\n      - shell: sudo -E bash -e {0}\n        run: printf '%s=%s\\n' @ALLOWED_MRTD x >> $GITHUB_ENV\n",
        "jobs:\n  a:\n    steps:\n      - shell: nix develop -c bash -e {0}\n        run: printf '%s=%s\\n' @ALLOWED_MRTD x >> $GITHUB_ENV\n",
        "jobs: {a: {steps: [{shell: 'wrapper {0}', run: 'export @ALLOWED_MRTD=x'}]}}",
        "jobs: {a: {steps: [{shell: 'wrapper {0}', run: 'setx @ALLOWED_MRTD x'}]}}",
        "services:\n  a:\n    build:\n      dockerfile_inline: |\n        FROM a\n        ENV @ALLOWED_MRTD=x\n",
        "services: {}\nconfigs:\n  e:\n    content: |\n      A=1\n      @ALLOWED_MRTD=x\n",
    ] {
        is_found(text);
    }
    for text in [
        "services: {}\nconfigs: {e: {content: 'never ALLOWED_MRTD=x'}}",
        "services: {a: {build: {dockerfile_inline: 'LABEL a=\"ALLOWED_MRTD=x\"'}}}",
        "jobs: {a: {steps: [{shell: 'wrapper {0}', run: '! grep ALLOWED_MRTD= x'}]}}",
    ] {
        assert_eq!(places(text), [0_usize; 0], "{text}");
    }
}

#[test]
fn texts_that_hold_commands_options_or_mappings_are_read() {
    for text in [
        "jobs: {a: {steps: [{run: 'echo \"${{ inputs.debug && @''ALLOWED_MRTD=abc'' || ''A=1'' }}\" >> \"$GITHUB_ENV\"'}]}}",
        "jobs: {a: {steps: [{run: \"${{ @'export ALLOWED_MRTD=x' }}; ./kms\"}]}}",
        "jobs: {a: {strategy: {matrix: {cmd: ['docker run --env @ALLOWED_MRTD=x kms']}}}}",
        "jobs: {a: {strategy: {matrix: {cmd: ['export @ALLOWED_MRTD=x; ./kms']}}}}",
        "jobs: {a: {steps: [{uses: a/b@v1, with: {flags: '--region us --set-env-vars @ALLOWED_MRTD=x'}}]}}",
        "jobs: {a: {steps: [{uses: a/b@v1, with: {inputs: '{\"@ALLOWED_MRTD\": \"x\"}'}}]}}",
    ] {
        let text = text.replace("a/b@v1", "a/b");
        is_found(&text);
    }
    for text in [
        "jobs: {a: {steps: [{uses: a/b, with: {note: 'never set ALLOWED_MRTD=x here'}}]}}",
        "jobs: {a: {steps: [{uses: a/b, with: {inputs: '{\"USE_ENV_POLICY\": \"false\"}'}}]}}",
        "jobs: {a: {strategy: {matrix: {cmd: ['! grep ALLOWED_MRTD= x']}}}}",
    ] {
        assert_eq!(places(text), [0_usize; 0], "{text}");
    }
}
