//! Whether a compose file publishes a port of its KMS, as far as the file itself says so.

use super::{File, Unfit, service};
use crate::yaml::{Content, NodeId, Tree};

/// Whether a port is published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Published {
    /// On a port of the host.
    Yes,
    /// On none.
    No,
    /// That depends on what is not in the file: a variable, or what the service extends.
    Elsewhere,
}

/// Whether the KMS of a file publishes the port `port` of its container.
///
/// # Errors
/// As [`super::stated`].
pub fn published(compose: &str, port: u16) -> Result<Published, Unfit> {
    let name = service(compose)?;
    let tree = Tree::parse(compose).map_err(|e| Unfit(format!("it is not YAML: {e}")))?;
    let file = File { tree: &tree, text: compose };
    let [root] = tree.roots() else { return Err(Unfit("it does not hold exactly one document".to_owned())) };
    let services = file.get(*root, "services")?.ok_or_else(|| Unfit("it has no services".to_owned()))?;
    let service = file.get(services, &name)?.ok_or_else(|| Unfit("it has no KMS".to_owned()))?;
    if file.get(service, "extends")?.is_some() || file.get(service, "<<")?.is_some() {
        return Ok(Published::Elsewhere);
    }
    let Some(ports) = file.get(service, "ports")? else { return Ok(Published::No) };
    let Some(Content::List(items)) = file.content(ports) else { return Ok(Published::Elsewhere) };
    let found: Vec<Published> = items.iter().map(|item| of_item(&file, *item, port)).collect();
    let first = [Published::Yes, Published::Elsewhere].into_iter().find(|wanted| found.contains(wanted));
    Ok(first.unwrap_or(Published::No))
}

fn of_item(file: &File<'_>, item: NodeId, port: u16) -> Published {
    let text = |id: NodeId| file.tree.text(id);
    match file.content(item) {
        Some(Content::Scalar { text, .. }) => of_text(text, port),
        Some(Content::Map(entries)) => {
            let of =
                |name: &str| entries.iter().find(|(key, _)| text(*key) == Some(name)).and_then(|(_, id)| text(*id));
            if of("protocol").is_some_and(|protocol| protocol != "tcp") {
                return Published::No;
            }
            of("target").map_or(Published::Elsewhere, |target| of_text(target, port))
        }
        Some(Content::List(_) | Content::Alias(_)) | None => Published::Elsewhere,
    }
}

/// `[[HOST:]PORT:]PORT[/tcp]`, where the last may be a range.
fn of_text(text: &str, port: u16) -> Published {
    if text.contains('$') {
        return Published::Elsewhere;
    }
    let (text, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
    let last = text.rsplit(':').next().unwrap_or(text);
    let (from, to) = last.split_once('-').unwrap_or((last, last));
    let is_it = match (from.parse::<u16>(), to.parse::<u16>()) {
        (Ok(from), Ok(to)) => (from..=to).contains(&port),
        (Err(_), _) | (_, Err(_)) => return Published::Elsewhere,
    };
    if is_it && protocol == "tcp" { Published::Yes } else { Published::No }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::{
        probe::{image::Image, kms::compose},
        subject::profile::Profile,
    };

    fn of(ports: &str) -> Published {
        let image: Image = format!("ghcr.io/o/n@sha256:{}", "a".repeat(64)).parse().unwrap();
        let compose = compose(&image, &"1.2.0".parse().unwrap(), Profile::Debug);
        let usual = "    ports:\n      - \"8080:8080\"\n";
        assert!(compose.contains(usual));
        published(&compose.replace(usual, ports), 8080).unwrap()
    }

    #[test]
    fn a_port_is_published_where_an_entry_leads_to_it_over_tcp() {
        for ports in [
            "    ports: [\"8080:8080\"]\n",
            "    ports: [8080]\n",
            "    ports: [\"127.0.0.1:9000:8080/tcp\"]\n",
            "    ports: [\"[::1]:9000:8080\"]\n",
            "    ports: [\"9000-9010:8075-8085\"]\n",
            "    ports:\n      - target: 8080\n        published: \"9000\"\n",
        ] {
            assert_eq!(of(ports), Published::Yes, "{ports}");
        }
        for ports in [
            "",
            "    ports: []\n",
            "    ports: [\"8080:80\"]\n",
            "    ports: [\"8080:8080/udp\"]\n",
            "    ports:\n      - target: 8080\n        protocol: udp\n",
            "    expose: [\"8080\"]\n",
        ] {
            assert_eq!(of(ports), Published::No, "{ports}");
        }
    }

    #[test]
    fn what_the_file_does_not_say_by_itself_is_neither() {
        for ports in [
            "    ports: [\"8080:${PORT}\"]\n",
            "    ports: [\"8080:80\", \"$PORT\"]\n",
            "    extends: {file: base.yaml, service: kms}\n",
            "    ports: {}\n",
            "    ports:\n      - published: 8080\n",
        ] {
            assert_eq!(of(ports), Published::Elsewhere, "{ports}");
        }
    }
}
