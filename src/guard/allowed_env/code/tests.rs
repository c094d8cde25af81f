//! What code in other languages sets, and what it only says.

use super::*;

#[test]
fn what_sets_a_variable_is_seen_in_every_language() {
    for text in [
        "core.exportVariable('ALLOWED_MRTD', x)",
        "process.env.ALLOWED_MRTD = 'x'",
        "process.env['ALLOWED_MRTD'] = 'x'",
        "exec('kms', [], { env: { ALLOWED_MRTD: 'x' } })",
        "fs.appendFileSync(process.env.GITHUB_ENV, `ALLOWED_MRTD=${x}\\n`)",
        "os.environ[\"ALLOWED_MRTD\"] = x",
        "os.environ.setdefault('ALLOWED_MRTD', x)",
        "os.environ.update({'ALLOWED_MRTD': x})",
        "os.putenv('ALLOWED_MRTD', x)",
        "env = dict(os.environ, ALLOWED_MRTD=x)",
        "print(f'ALLOWED_MRTD={x}', file=f)",
        "f.write('ALLOWED_MRTD<<EOF\\n')",
        "$env:ALLOWED_MRTD = 'x'",
        "${env:ALLOWED_MRTD} = 'x'",
        "Add-Content -Path $env:GITHUB_ENV -Value \"ALLOWED_MRTD=x\"",
        "\"ALLOWED_MRTD=x\" | Out-File $env:GITHUB_ENV -Append",
        "Set-Item -Path Env:ALLOWED_MRTD -Value x",
        "[Environment]::SetEnvironmentVariable(\"ALLOWED_MRTD\", 'x')",
        "set ALLOWED_MRTD=x",
        "setx ALLOWED_MRTD x",
        "process.env.ENFORCE_MEASUREMENT_POLICY = 'false'",
        "if (context.ref.startsWith('refs/tags/')) process.env.ALLOWED_MRTD = 'x'",
        "if ($x -eq 'a') { $env:ALLOWED_MRTD = 'x' }",
        "Write-Host \"a\"; $env:ALLOWED_MRTD = \"x\"",
        "if ref.startswith('v'): os.environ['ALLOWED_MRTD'] = 'x'",
        "console.log('a'); process.env.ALLOWED_MRTD = 'x'",
        "if (a.includes('b')) options.env = { ALLOWED_MRTD: 'x' }",
        "if (a.match(/b/)) vars.ALLOWED_MRTD = 'x'",
        "/* c */ core.exportVariable('ALLOWED_MRTD', 'x')",
        "/*\n * c\n */ process.env.ALLOWED_MRTD = 'x'",
        "n = 4 //2; os.environ['ALLOWED_MRTD'] = 'x'",
        "core.exportVariable(\n  'ALLOWED_MRTD',\n  'x',\n)",
        "os.putenv(\n    \"ALLOWED_MRTD\", x)",
        "Set-Item -Path Env:\\ALLOWED_MRTD -Value x",
        "Set-Item -Path Env:/ALLOWED_MRTD -Value x",
        "process.env.ALLOWED_MRTD += 'x'",
        "process.env.ALLOWED_MRTD ||= 'x'",
        "process.env['ALLOWED_MRTD'] ??= 'x'",
        "ENV['ALLOWED_MRTD'] = 'x' if a.match(b)",
        "core.exportVariable(`ALLOWED_${r}`, v)",
        "core.exportVariable('ALLOWED_' + r, v)",
        "os.environ[f'ALLOWED_{r}'] = v",
        "os.environ['ALLOWED_' + r] = v",
        "os.environ['ALLOWED_%s' % r] = v",
        "Set-Item \"Env:ALLOWED_$r\" v",
        "exec('kms', [], { env: { ...process.env, ALLOWED_MRTD } })",
        "exec('kms', [], {\n  env: {\n    ...process.env,\n    ALLOWED_MRTD,\n  },\n})",
        "x = { ['ALLOWED_MRTD']: 'x' }",
        "$env:USE_ENV_POLICY = $true # not ALLOWED",
    ] {
        let at = ["ALLOWED_", "ENFORCE", "USE_ENV"].iter().find_map(|word| text.find(word));
        assert_eq!(hits(text).first().map(|hit| hit.start), at, "{text}");
    }
}

#[test]
fn what_only_reads_or_says_something_is_not() {
    for text in [
        "if (process.env.ALLOWED_MRTD) { throw new Error('x') }",
        "if (body.includes('ALLOWED_MRTD=')) core.setFailed('ALLOWED_MRTD= must not be set')",
        "assert 'ALLOWED_MRTD' not in os.environ",
        "x = os.environ.get('ALLOWED_MRTD')",
        "// process.env.ALLOWED_MRTD = 'x'",
        "x = 1  # ALLOWED_MRTD = 2",
        "if ($env:ALLOWED_MRTD -eq 'x') { exit 1 }",
        "delete process.env.ALLOWED_MRTD",
        "process.env.ENFORCE_MEASUREMENT_POLICY = 'true'",
        "if process.env.ALLOWED_MRTD === 'x'",
        "print('ALLOWED_MRTD=x is forbidden')",
        "for n in (\"ALLOWED_MRTD\", \"ALLOWED_RTMR0\"):\n    assert n not in os.environ",
        "for n in [\"ALLOWED_MRTD\", \"ALLOWED_RTMR0\"]:\n    assert n not in os.environ",
        "if n == 'ALLOWED_MRTD': raise SystemExit(1)",
        "switch (n) {\n  case 'ALLOWED_MRTD': throw new Error(n)\n}",
        "$env:USE_ENV_POLICY = $false",
        "$env:ENFORCE_MEASUREMENT_POLICY = $true",
        "const { ALLOWED_MRTD } = process.env",
        "console.log(f(x) + 'ALLOWED_MRTD=x is forbidden')",
        "console.log(`${f(x)}; ALLOWED_MRTD=${x} is forbidden`)",
        "core.setFailed('process.env.ALLOWED_MRTD = x is forbidden')",
        "for r in rs: print(f'ALLOWED_{r}={x} is forbidden')",
        "if os.environ.get('ALLOWED_' + r): raise SystemExit(1)",
        "const x = 1 // process.env.ALLOWED_MRTD = 'x'",
        "/* process.env.ALLOWED_MRTD = 'x' */",
    ] {
        assert_eq!(hits(text), [], "{text}");
    }
}

#[test]
fn a_line_without_end_is_read_in_reasonable_time() {
    for piece in ["ALLOWED_MRTD ", "ALLOWED_${", "ALLOWED_MRTD #'", "ALLOWED_MRTD(", "é ALLOWED_MRTD=`"] {
        assert!(hits(&piece.repeat(2_000)).len() <= 4_000);
    }
}
