//! Scripts that set a forbidden variable, and scripts that only look as if they did.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::*;

fn places(text: &str) -> Vec<usize> {
    hits(text).into_iter().map(|hit| hit.start).collect()
}

/// Where the mark `@` stands, and the text without it.
fn marked(text: &str) -> (usize, String) {
    (text.find('@').unwrap(), text.replace('@', ""))
}

#[test]
fn every_way_to_set_a_variable_is_seen_where_its_name_stands() {
    for text in [
        "@ALLOWED_MRTD=x",
        "export @ALLOWED_MRTD=x",
        "export @ALLOWED_MRTD",
        "export A=1 \"@ALLOWED_MRTD=$x\"",
        "declare -x @ALLOWED_MRTD=x",
        "readonly '@ALLOWED_MRTD'=x",
        "@ALLOWED_MRTD+=x",
        "env A=1 @ALLOWED_MRTD=x ./kms",
        "@ALLOWED_MRTD=x ./kms",
        "A=1 @ALLOWED_MRTD=x ./kms",
        "sudo @ALLOWED_MRTD=x ./kms",
        "@ALLOWED_\"\"MRTD=x",
        "@A'LLOWED_MRTD'=x",
        "@ALLOWED\\_MRTD=x",
        "export $'@ALLOWED\\x5fMRTD=x'",
        "export @ALLOWED_\\\nMRTD=x",
        "echo \"@ALLOWED_MRTD=x\" >> \"$GITHUB_ENV\"",
        "echo '@ALLOWED_MRTD=x' >> $GITHUB_ENV",
        "echo @ALLOWED_MRTD=x >> \"${GITHUB_ENV}\"",
        ">> $GITHUB_ENV echo @ALLOWED_MRTD=x",
        "echo -e \"A=1\\n@ALLOWED_MRTD=x\" >> .env",
        "echo '@ALLOWED_MRTD=x' | tee -a \"$GITHUB_ENV\"",
        "echo '@ALLOWED_MRTD=x' | sed 's/a/b/' | sudo tee -a /etc/kms.env > /dev/null",
        "printf '@ALLOWED_MRTD=%s\\n' \"$x\" >> $GITHUB_ENV",
        "printf '%s=%s\\n' @ALLOWED_MRTD \"$x\" >> $GITHUB_ENV",
        "printf -v @ALLOWED_MRTD %s x",
        "printf '@ALLOWED_%s=%s\\n' MRTD x >> $GITHUB_ENV",
        "cat >> \"$GITHUB_ENV\" <<EOF\nA=1\n@ALLOWED_MRTD=x\nEOF\n",
        "cat <<'EOF' | tee kms.env\n@ALLOWED_MRTD=x\nEOF\n",
        "cat <<-EOF > kms.env\n\t@ALLOWED_MRTD=x\n\tEOF\n",
        "cat > compose.yml <<EOF\nservices:\n  kms:\n    environment:\n      - @ALLOWED_MRTD=x\nEOF\n",
        "cat > compose.yml <<EOF\n      @ALLOWED_MRTD: x\nEOF\n",
        "cat >> $GITHUB_ENV <<< '@ALLOWED_MRTD=x'",
        "{\n  echo '@ALLOWED_MRTD<<EOF'\n  cat x\n  echo EOF\n} >> \"$GITHUB_ENV\"",
        "(echo @ALLOWED_MRTD=x) >> .env",
        "if true; then echo @ALLOWED_MRTD=x; fi >> .env",
        "for i in 1; do echo @ALLOWED_MRTD=x; done | tee .env",
        "f() {\n  export @ALLOWED_MRTD=x\n}\nf",
        "exec >> $GITHUB_ENV\necho @ALLOWED_MRTD=x",
        "docker run -e @ALLOWED_MRTD=x kms",
        "docker run -e @ALLOWED_MRTD kms",
        "docker run -e@ALLOWED_MRTD=x kms",
        "docker run --env=@ALLOWED_MRTD=x kms",
        "docker run --env-file <(echo @ALLOWED_MRTD=x) kms",
        "docker build --build-arg @ALLOWED_MRTD=x .",
        "gcloud run deploy --set-env-vars A=1,@ALLOWED_MRTD=x",
        "gh variable set @ALLOWED_MRTD --body x",
        "make @ALLOWED_MRTD=x",
        "bash -c 'export @ALLOWED_MRTD=x; kms'",
        "eval \"@ALLOWED_MRTD=x\"",
        "ssh host '@ALLOWED_MRTD=x kms'",
        "bash <<EOF\nexport @ALLOWED_MRTD=x\nEOF\n",
        "python3 - <<'EOF'\nimport os\nos.environ['@ALLOWED_MRTD'] = 'x'\nEOF\n",
        "python -c \"import os; os.environ['@ALLOWED_MRTD'] = 'x'\"",
        ": \"${@ALLOWED_MRTD:=x}\"",
        "read -r @ALLOWED_MRTD < file",
        "x=$(export @ALLOWED_MRTD=x; kms)",
        "x=\"$(echo @ALLOWED_MRTD=x)\"",
        "source <(echo @ALLOWED_MRTD=x)",
        "while read -r l; do export \"$l\"; done < <(echo @ALLOWED_MRTD=x)",
        "`@ALLOWED_MRTD=x kms`",
        "export \"@ALLOWED_$r=x\"",
        "for r in MRTD RTMR0; do echo \"@ALLOWED_${r}=x\" >> $GITHUB_ENV; done",
        "for v in ALLOWED_MRTD ALLOWED_RTMR0; do export \"@$v=x\"; done",
        "n=ALLOWED_MRTD\necho \"@$n=x\" >> $GITHUB_ENV",
        "sed -i 's/^A=.*/@ALLOWED_MRTD=x/' .env",
        "yq -i '.services.kms.environment.@ALLOWED_MRTD = \"x\"' compose.yml",
        "case x in\n  ALLOWED_MRTD=*) export @ALLOWED_MRTD=x ;;\nesac",
        "echo '@ALLOWED_MRTD=x' | bash",
        "echo @USE_ENV_POLICY=true >> $GITHUB_ENV",
        "export @ENFORCE_MEASUREMENT_POLICY=false",
        "export @ENFORCE_MEASUREMENT_POLICY",
        "ENFORCE_MEASUREMENT_POLICY=true\nread -r @ENFORCE_MEASUREMENT_POLICY",
        "ENFORCE_MEASUREMENT_POLICY=true\nexport @ALLOWED_MRTD",
        "docker run -e @ENFORCE_MEASUREMENT_POLICY=\"$x\" kms",
        "# comment's quote\nexport @ALLOWED_MRTD=x",
        "((@ALLOWED_MRTD = 1))",
        "echo x\r\nexport @ALLOWED_MRTD=x\r\n",
        "a && b || export @ALLOWED_MRTD=x",
        "if [[ a == b ]]; then @ALLOWED_MRTD=x; fi",
        "x=(a b)\n@ALLOWED_MRTD=(x)",
        "B=\"${B:-\"{}\"}\"\necho \"hello\"\nexport @ALLOWED_MRTD=x",
        "B=\"${B:-{\"a\":1}}\"\necho \"hello\"\nexport @ALLOWED_MRTD=x",
        "x=${y:-'}'}\nexport @ALLOWED_MRTD=x",
        "x=\"${y:-it's}\"\nexport @ALLOWED_MRTD=x",
        "x=\"${y%%\"}\"*}\"\nexport @ALLOWED_MRTD=x",
        "x=\"${y%%'}\"'*}\"\nexport @ALLOWED_MRTD=x",
        "x=\"${y:-${z:-\"a\"}}\"\nexport @ALLOWED_MRTD=x",
        "x=${y:-$(export @ALLOWED_MRTD=x)}",
        "x=${y:-\\}}\nexport @ALLOWED_MRTD=x",
        "mask[1<<2]=3\nexport @ALLOWED_MRTD=x",
        "x=$[1<<2]\nexport @ALLOWED_MRTD=x",
        "x=$(( (a+(b))<<2 ))\nexport @ALLOWED_MRTD=x",
        "((cd a); export @ALLOWED_MRTD=x)",
        "x=(a ')' \"b)\" # it's\n c)\nexport @ALLOWED_MRTD=x",
        "x=$(\n # it's\n a)\nexport @ALLOWED_MRTD=x",
        "export $\"@ALLOWED_MRTD=x\"",
        "args=(-e @ALLOWED_MRTD=x)\ndocker run \"${args[@]}\" img",
        "args+=(-e \"@ALLOWED_MRTD=$X\")",
        "args+=(\n  -e\n  '@ALLOWED_MRTD'\n)",
        "vars=(@ALLOWED_MRTD=x)\nenv \"${vars[@]}\" kms",
        "OPTS=\"-e @ALLOWED_MRTD=x\"\ndocker run $OPTS img",
        "jq -r '\"@ALLOWED_MRTD=\\(.mrtd)\"' f >> \"$GITHUB_ENV\"",
        "sed 's/^/@ALLOWED_MRTD=/' f >> $GITHUB_ENV",
        "awk '{print \"@ALLOWED_MRTD=\" $1}' f | tee -a $GITHUB_ENV",
        "cat f | sed 's/^/@ALLOWED_MRTD=/' > kms.env",
        "find . -name kms -exec env @ALLOWED_MRTD=x {} \\;",
        "export {A,@ALLOWED_MRTD}=x",
        "exec 3>>\"$GITHUB_ENV\"\necho \"@ALLOWED_MRTD=x\" >&3",
        "helm upgrade k c --set kms.env.@ALLOWED_MRTD=x",
        "helm upgrade k c --set=kms.env.@ALLOWED_MRTD=x",
        "python3.12 -c \"import os; os.environ['@ALLOWED_MRTD']='x'\"",
        // What does not end hides nothing behind its line.
        "echo \"a\nexport @ALLOWED_MRTD=x",
        "echo 'a\nexport @ALLOWED_MRTD=x",
        "echo $'a\nexport @ALLOWED_MRTD=x",
        "echo ${a\nexport @ALLOWED_MRTD=x",
        "echo ${{ a\nexport @ALLOWED_MRTD=x",
        "cat <<EOF\nexport @ALLOWED_MRTD=x",
        "x=(a\nexport @ALLOWED_MRTD=x",
        "bash -c \"echo 'a\nexport @ALLOWED_MRTD=x\"",
        "<<A\n<<B\n<<C\n<<D\n<<E\n<<F\nexport @ALLOWED_MRTD=x",
    ] {
        let (place, script) = marked(text);
        assert_eq!(places(&script), [place], "{text}");
    }
}

#[test]
fn what_reads_searches_or_warns_sets_nothing() {
    for text in [
        "# export ALLOWED_MRTD=x",
        "true # ALLOWED_MRTD=x",
        "if grep -rn 'ALLOWED_MRTD=' .github; then exit 1; fi",
        "grep -q ALLOWED_MRTD file && exit 1",
        "! grep -E 'ALLOWED_(MRTD|RTMR0)=' file",
        "git grep -n ALLOWED_MRTD= && exit 1",
        "[ -z \"$ALLOWED_MRTD\" ]",
        "test -n \"${ALLOWED_MRTD:-}\" && exit 1",
        "[[ \"$line\" == ALLOWED_MRTD=* || $x == ALLOWED_RTMR0=* ]] && exit 1",
        "unset ALLOWED_MRTD",
        "export -n ALLOWED_MRTD",
        "echo \"ALLOWED_MRTD=... must not be set\"",
        "echo \"::error::ALLOWED_MRTD is forbidden\"",
        "echo 'ALLOWED_MRTD=x' >> \"$GITHUB_STEP_SUMMARY\"",
        "echo 'ALLOWED_MRTD=x' > /dev/null",
        "echo 'ALLOWED_MRTD=x' | grep ALLOWED",
        "echo 'ALLOWED_MRTD is not used' >> notes.txt",
        "printenv ALLOWED_MRTD",
        "for v in ALLOWED_MRTD ALLOWED_RTMR0; do if [ -n \"${!v}\" ]; then exit 1; fi; done",
        "case \"$line\" in\n  ALLOWED_MRTD=*) exit 1 ;;\n  ALLOWED_RTMR0=*) exit 1 ;;\nesac",
        "export GCP_ATTESTATION_ALLOWED_CIDRS=x",
        "CORS_ALLOWED_ORIGINS=x kms",
        "jq '.policy.kms_allowed_mrtd' policy.json",
        "allowed_mrtd=$(jq -r '.policy.kms_allowed_mrtd[0]' policy.json)",
        "cat > policy.json <<EOF\n{\"kms_allowed_mrtd\": [\"x\"], \"allowed_mrtd\": []}\nEOF\n",
        "sed -i '/^ALLOWED_MRTD=/d' .env",
        "pattern='ALLOWED_MRTD|ALLOWED_RTMR0'\nif env | grep -E \"^($pattern)=\"; then exit 1; fi",
        "docker run -e USE_ENV_POLICY=false -e ENFORCE_MEASUREMENT_POLICY=true kms",
        "export ACCEPT_MOCK_ATTESTATION=false",
        "ENFORCE_MEASUREMENT_POLICY=true\nexport ENFORCE_MEASUREMENT_POLICY",
        "ENFORCE_MEASUREMENT_POLICY=\"true\"; USE_ENV_POLICY=0; export ENFORCE_MEASUREMENT_POLICY USE_ENV_POLICY",
        ": \"${ENFORCE_MEASUREMENT_POLICY:=true}\"\nexport ENFORCE_MEASUREMENT_POLICY",
        "cat <<EOF\nALLOWED_MRTD=x is not how it is done\nEOF\n",
        "git commit -m 'Drop ALLOWED_MRTD=x'",
        "gh pr comment --body 'ALLOWED_MRTD= is forbidden'",
        ": \"${ENFORCE_MEASUREMENT_POLICY:=true}\"",
        "printf \"%s=%s\\n\" USE_ENV_POLICY false >> \"$GITHUB_ENV\"",
        "jq -r '\"ALLOWED_MRTD=\\(.mrtd)\"' f",
        "sed '/^ALLOWED_MRTD=/d' .env > other.env",
        "find . -name ALLOWED_MRTD=x",
        "sed 's/^ALLOWED_MRTD=.*//' .env > other.env",
        "sed -n 's/^ALLOWED_MRTD=//p' .env > value.txt",
        "awk '/^ALLOWED_MRTD=/ {print $1}' .env > found.txt",
        "echo 'ALLOWED_MRTD=x' >&2",
        "names=(ALLOWED_MRTD ALLOWED_RTMR0)",
        "awk '/ALLOWED_MRTD=/ {exit 1}' .env",
        "B=\"${B:-\"{}\"}\"\necho \"\nALLOWED_MRTD=x\n\"",
        "x=\"${y:-it's}\"\necho \"it's\nALLOWED_MRTD=x\"",
    ] {
        assert_eq!(hits(text), [], "{text}");
    }
}

#[test]
fn no_text_makes_it_hang_or_fail() {
    for text in
        ["$(", "`", "\"", "'", "$'", "<<", "cat <<EOF", "((", "${", "case x in", "x=(", "\\", "a |", "esac", ")", "}"]
    {
        hits(text);
        hits(&text.repeat(500));
        hits(&format!("{text}\u{0}é{text}"));
    }
    let many: Vec<String> = (0..16).map(|n| format!("ALLOWED_{n}")).collect();
    let head = format!("for v in {}; do ", many.join(" "));
    for nested in ["echo $v $(", "bash -c \"$v; ", "eval \"$v \\\"", "echo $v `"] {
        // Without the bound these would take longer than anyone waits for a test.
        hits(&format!("{head}{}", nested.repeat(12)));
        hits(&format!("{head}{}", format!("{nested}{head}").repeat(12)));
    }
    for open in
        ["echo \"$(\n", "echo '$(\n\"", "bash <<E\n", "bash -c \"'\n", "x=(\n", "echo ${x:-\"\n", "`bash <<E\n\"\n"]
    {
        hits(&open.repeat(5_000));
    }
    let deep = format!("{}export ALLOWED_MRTD=x", "bash -c $(".repeat(50));
    assert!(!hits(&deep).is_empty());
}
