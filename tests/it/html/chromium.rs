//! Pages in headless Chromium, looked at by axe: at three widths, in both themes, folded and unfolded.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

use super::{KMS, difference, page, rendered};
use crate::{
    binary::{Place, skip},
    outside::program,
};

/// A browser, and the folder of the packages that drive it and look at the page.
struct Browser {
    chromium: PathBuf,
    node: PathBuf,
    tools: PathBuf,
}

impl Browser {
    fn find() -> Option<Self> {
        let tools = std::env::var_os("MEROTEE_NODE_TOOLS").filter(|path| !path.is_empty()).map(PathBuf::from);
        if tools.is_none() {
            skip("no axe-core and puppeteer-core: set MEROTEE_NODE_TOOLS to a folder where npm installed them");
        }
        let (tools, node) = (tools?, program("node", "MEROTEE_NODE")?);
        Some(Self { chromium: program("chromium", "MEROTEE_CHROMIUM")?, node, tools })
    }

    /// What the page is like for a reader.
    fn look(&self, page: &Path) -> Value {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop/html_pages.mjs");
        let mut command = Command::new(&self.node);
        command.arg(script).arg(&self.tools).arg(&self.chromium);
        // Pictures for a person, where one wants to see them.
        if let Some(folder) = std::env::var_os("MEROTEE_PICTURES").filter(|folder| !folder.is_empty()) {
            command.arg("--pictures").arg(folder);
        }
        let output = command.arg(page).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let mut said: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(said.len(), 1);
        said.remove(0)
    }
}

/// Asserts all that holds for every page of ours, and returns its visible text.
fn good(browser: &Browser, place: &Place, name: &str, html: &str) -> String {
    let path = place.write(&format!("{name}.html"), html);
    let seen = browser.look(&path);
    let empty =
        |value: &Value, what: &str| assert_eq!(value.as_array().map(Vec::len), Some(0), "{name}, {what}: {value}");
    empty(&seen["said"], "console");
    empty(&seen["asked"], "requests");
    let form = &seen["form"];
    empty(&form["dangling"], "links that lead nowhere");
    for count in ["scripts", "handlers", "images"] {
        assert_eq!(form[count], 0, "{name}: {count}");
    }
    assert_eq!(form["alerted"], false);
    let headings: Vec<i64> = form["headings"].as_array().unwrap().iter().map(|level| level.as_i64().unwrap()).collect();
    assert_eq!(headings.first(), Some(&1), "{name}");
    assert_eq!(headings.iter().filter(|level| **level == 1).count(), 1, "{name}");
    assert!(headings.windows(2).all(|pair| pair[1] <= pair[0] + 1), "{name}: {headings:?}");
    let views = seen["views"].as_array().unwrap();
    assert_eq!(views.len(), 6, "three widths in two themes");
    for view in views {
        let at = format!("{name} at {} in {}", view["width"], view["theme"]);
        assert_eq!(view["overflow"], 0, "{at}");
        empty(&view["violations"], &at);
        assert!(view["contrast"].as_u64().unwrap() > 20, "{at}: contrast was not measured");
    }
    form["text"].as_str().unwrap().to_owned()
}

#[test]
fn pages_are_readable_at_every_width_in_both_themes_and_ask_for_nothing() {
    let Some(browser) = Browser::find() else { return };
    let place = Place::new();
    let text = good(&browser, &place, "clean", &page(&place, None, KMS));
    assert!(text.contains("PASSED") && text.contains("Registers by profile"), "{text}");
    good(&browser, &place, "failed", &page(&place, Some("policy-not-isolated"), KMS));
    good(&browser, &place, "roles", &page(&place, Some("role-overlap"), "1.2.0"));
    good(&browser, &place, "upstream", &page(&place, None, "mero-kms-v1.0.0"));
}

#[test]
fn policy_diffs_and_reports_on_many_subjects_are_readable_too() {
    let Some(browser) = Browser::find() else { return };
    let place = Place::new();
    let text = good(&browser, &place, "diff", &difference(&place, "mero-kms-v1.1.0", KMS));
    assert!(text.contains("NEWLY ADMITS"), "{text}");
    let many = (1..=12).map(|number| {
        let mut section = crate::renderers::everything().sections.remove(0);
        section.subject = format!("mero-kms-v1.{number}.0");
        if number % 3 > 0 {
            section.findings.retain(|finding| finding.status == merotee::report::Status::Pass);
        }
        section
    });
    let report = merotee::report::Report { sections: many.collect(), ..crate::renderers::everything() };
    let text = good(&browser, &place, "many", &rendered(&report));
    assert!(text.contains("4 of 12 did not pass."), "{text}");
}

#[test]
fn hostile_text_stays_text_in_a_browser() {
    let Some(browser) = Browser::find() else { return };
    let mut report = crate::renderers::everything();
    let hostile =
        "</style><script>window.alerted = 1</script><img src=https://evil.example/x onerror=\"window.alerted = 1\">";
    for section in &mut report.sections {
        section.subject = format!("{} {hostile}", section.subject);
        section.caveats.push(hostile.to_owned());
        for finding in &mut section.findings {
            finding.subject = format!("{}{hostile}", finding.subject);
            finding.help = Some(format!("`{hostile}"));
        }
    }
    let text = good(&browser, &Place::new(), "hostile", &rendered(&report));
    assert!(text.contains("<script>window.alerted = 1</script>"), "{text}");
    assert!(text.contains("sbom\\u{202e}nosj.exe"), "{text}");
}

/// A check that cannot fail is none.
#[test]
fn a_page_that_is_not_like_ours_is_told_apart() {
    let Some(browser) = Browser::find() else { return };
    let page = "<!DOCTYPE html><html lang=en><head><title>x</title><meta http-equiv=Content-Security-Policy content=\"img-src 'none'\"></head>\
                <body><main><h1>x</h1><p style='color:#bbb;background:#fff;width:5000px'>pale</p>\
                <img src='file:///nowhere.png'><link rel=stylesheet href='file:///nowhere.css'></main></body></html>";
    let seen = browser.look(&Place::new().write("bad.html", page));
    let some = |value: &Value| assert!(!value.as_array().unwrap().is_empty(), "{seen}");
    some(&seen["said"]);
    some(&seen["asked"]);
    let view = &seen["views"][0];
    assert!(view["overflow"].as_i64().unwrap() > 1000, "{seen}");
    assert!(view["violations"].to_string().contains("color-contrast"), "{seen}");
}
