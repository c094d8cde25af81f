//! `dstack preflight`: whether a host and everything around it are there before a KMS is deployed. What is not looked at, the
//! report says.

use std::time::Duration;

use jiff::Timestamp;
use tokio::net::TcpStream;
use url::Url;

use super::reach;
use crate::{
    adapters::{
        dstack_auth::DstackAuth,
        http::{Http, Request, Service, readable},
        vmm::{Vm, Vmm},
    },
    cli::dstack::host::PreflightArgs,
    context::Context,
    error::{self, Result},
    product::Product,
    report::{CheckInfo, Fact, Finding, Report, Section},
    subject::vmm::{PortMapping, VmmAddress},
    text::{counted, excerpt},
};

/// What a deployment needs is there.
pub(super) const READY: CheckInfo = CheckInfo {
    id: "dstack-preflight",
    title: "what the deployment of a KMS needs is there: VMM, image, port, registry, key provider, auth API, DNS, clock",
};

/// How long a connection may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// How far two clocks may be apart.
const SKEW: u64 = 60;
/// Media types of what a registry has under a tag or digest.
const MANIFESTS: &str = "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, \
                         application/vnd.docker.distribution.manifest.list.v2+json, \
                         application/vnd.docker.distribution.manifest.v2+json";

pub(super) async fn run(args: &PreflightArgs, context: &Context) -> Result<Product> {
    let vmm = reach::vmm(context)?;
    let mut findings = of_host(args, &vmm, context).await;
    findings.push(registry(args, context).await?);
    findings.push(key_provider(args).await);
    findings.push(auth_api(args, context).await?);
    findings.push(dns(args).await);
    let section = Section {
        subject: vmm.address().to_string(),
        facts: vec![Fact::named("VMM", vmm.address().to_string())],
        findings,
        told: &[READY.id],
        ..Section::default()
    };
    Ok(Product::report(Report {
        command: "dstack preflight".into(),
        rules: vec![READY],
        sections: vec![section],
        ..Report::default()
    }))
}

/// VMM, clock, guest image and ports.
async fn of_host(args: &PreflightArgs, vmm: &Vmm, context: &Context) -> Vec<Finding> {
    let (version, date) = match vmm.version().await {
        Ok(answer) => answer,
        Err(error) => {
            let finding = READY.fail("VMM", error::chain(&error));
            let advice = error.advice().unwrap_or("is dstack-vmm running on the host?").to_owned();
            let unseen =
                ["clock", "guest image", "port"].map(|what| READY.undecided(what, "not checked: no VMM answers"));
            return std::iter::once(finding.help(advice)).chain(unseen).collect();
        }
    };
    let mut findings = vec![
        READY.pass("VMM", format!("version {}", excerpt(&version.version))),
        clock(context.now(), date),
        image(args, vmm).await,
    ];
    match vmm.vms().await {
        Ok(vms) => {
            for port in &args.ports {
                findings.push(free(port, vmm, &vms).await);
            }
        }
        Err(error) => findings.extend(args.ports.iter().map(|port| {
            let unseen = format!("not checked: which ports its VMs have is not known: {}", error::chain(&error));
            READY.undecided(format!("port {}", port.host_port), unseen)
        })),
    }
    findings
}

/// The time decides whether collateral and certificates are valid: a clock that is far off decides wrongly.
fn clock(ours: Timestamp, theirs: Option<Timestamp>) -> Finding {
    let Some(theirs) = theirs else { return READY.skip("clock", "not checked: the VMM's answers bear no date") };
    let apart = ours.duration_since(theirs).unsigned_abs().as_secs();
    let words = format!("the host's clock is within {} of ours", counted_seconds(apart.max(1)));
    if apart <= SKEW {
        return READY.pass("clock", words);
    }
    READY
        .fail("clock", format!("the host's clock is {} apart from ours", readable(Duration::from_secs(apart))))
        .help("set both by NTP: whether collateral and certificates are valid depends on them")
}

fn counted_seconds(seconds: u64) -> String {
    counted(usize::try_from(seconds).unwrap_or(usize::MAX), "second", "seconds")
}

async fn image(args: &PreflightArgs, vmm: &Vmm) -> Finding {
    let Some(wanted) = &args.image else { return READY.skip("guest image", "not checked: name it with --image") };
    let images = match vmm.images().await {
        Ok(images) => images,
        Err(error) => return READY.undecided("guest image", error::chain(&error)),
    };
    match images.iter().find(|image| image.name == *wanted) {
        Some(image) if image.is_dev => READY
            .fail("guest image", format!("{wanted} is a development image: its host can log in"))
            .help("use the image of the same version without `-dev`"),
        Some(image) => READY.pass("guest image", format!("{wanted}, version {}", excerpt(&image.version))),
        None => {
            let named: Vec<String> = images.iter().map(|image| excerpt(&image.name)).collect();
            READY
                .fail("guest image", format!("the host has no `{}`", excerpt(wanted)))
                .help(format!("it has: {}", if named.is_empty() { "none".to_owned() } else { named.join(", ") }))
        }
    }
}

/// Whether nothing has the port: no VM, and nothing that listens.
async fn free(port: &PortMapping, vmm: &Vmm, vms: &[Vm]) -> Finding {
    let subject = format!("port {}", port.host_port);
    let has = |vm: &&Vm| {
        let ports = vm.configuration.as_ref().map(|of| of.ports.as_slice()).unwrap_or_default();
        ports.iter().any(|one| one.host_port == u32::from(port.host_port) && one.protocol == port.protocol.as_str())
    };
    if let Some(vm) = vms.iter().find(has) {
        return READY
            .fail(subject, format!("VM {} has it", excerpt(&vm.name)))
            .help("choose another host port with --port, or remove that VM");
    }
    let host = match vmm.address() {
        VmmAddress::Url(url) => url.host_str().unwrap_or_default().to_owned(),
        VmmAddress::Socket(_) => "127.0.0.1".to_owned(),
    };
    if answers(host.trim_matches(['[', ']']), port.host_port).await {
        return READY
            .fail(subject, format!("something listens there on {host}"))
            .help("choose another host port with --port, or stop what listens");
    }
    let words = format!("free on {host}, as far as it is seen from here");
    match vmm.address() {
        // What a tunnel leads to has ports of its own.
        VmmAddress::Url(_) if vmm.is_near() => {
            READY.pass(subject, format!("{words}: where that is a tunnel, the host behind it was not probed"))
        }
        VmmAddress::Url(_) | VmmAddress::Socket(_) => READY.pass(subject, words),
    }
}

async fn answers(host: &str, port: u16) -> bool {
    matches!(tokio::time::timeout(PATIENCE, TcpStream::connect((host, port))).await, Ok(Ok(_)))
}

/// Whether the registry holds the image of the KMS.
async fn registry(args: &PreflightArgs, context: &Context) -> Result<Finding> {
    const SUBJECT: &str = "KMS image";
    let Some(image) = &args.kms_image else {
        return Ok(READY.skip(SUBJECT, "not checked: name it with --kms-image"));
    };
    let text = image.to_string();
    let Some(url) = manifest(&text) else {
        return Ok(READY.skip(SUBJECT, format!("not checked: {} names no registry", excerpt(&text))));
    };
    let http = Http::new(Service::Document, url.clone(), None, context.http.clone())?;
    let found = http.ask(&Request::get(&url, MANIFESTS), &format!("the manifest of {}", excerpt(&text))).await;
    Ok(match found {
        Ok(Some(_)) if image.digest().is_some() => READY.pass(SUBJECT, format!("the registry holds {text}")),
        Ok(Some(_)) => READY
            .warn(SUBJECT, format!("the registry holds {text}, and a tag can be moved"))
            .help("name the image by its digest in the compose file: NAME@sha256:HEX"),
        Ok(None) => READY
            .fail(SUBJECT, format!("the registry has no {text}"))
            .help("push it there first: the guest fetches it when it boots"),
        Err(error) => READY.undecided(SUBJECT, error::chain(&error)),
    })
}

/// Where a registry has the manifest of an image.
fn manifest(image: &str) -> Option<Url> {
    let (host, rest) = image.split_once('/')?;
    let is_host = host.contains(['.', ':']) || host == "localhost";
    let (name, reference) = match rest.split_once('@') {
        Some((name, digest)) => (name.split(':').next().unwrap_or(name), digest),
        None => rest.rsplit_once(':').unwrap_or((rest, "latest")),
    };
    let near = host.starts_with("127.") || host.starts_with("localhost");
    let scheme = if near { "http" } else { "https" };
    let url = Url::parse(&format!("{scheme}://{host}/v2/{name}/manifests/{reference}")).ok();
    url.filter(|_| is_host)
}

/// Whether the key provider listens: without it a guest gets no key for its disk.
async fn key_provider(args: &PreflightArgs) -> Finding {
    const SUBJECT: &str = "key provider";
    let Some(address) = &args.key_provider else {
        return READY.skip(SUBJECT, "not checked: say with --key-provider where it listens");
    };
    let Some((host, port)) = address.rsplit_once(':').and_then(|(host, port)| Some((host, port.parse().ok()?))) else {
        return READY.fail(SUBJECT, format!("`{}` is not HOST:PORT", excerpt(address)));
    };
    if answers(host, port).await {
        return READY.pass(SUBJECT, format!("something listens at {}", excerpt(address)));
    }
    READY
        .fail(SUBJECT, format!("nothing listens at {}", excerpt(address)))
        .help("start gramine-sealing-key-provider: a guest with a local key provider does not boot without it")
}

async fn auth_api(args: &PreflightArgs, context: &Context) -> Result<Finding> {
    const SUBJECT: &str = "auth API";
    let Some(url) = &args.auth_url else {
        return Ok(
            READY.skip(SUBJECT, "not checked: name it with --auth-url, where it is not in the KMS's own container")
        );
    };
    let api = DstackAuth::new(url, context.http.clone())?;
    Ok(match api.answers().await {
        Ok(()) => READY.pass(SUBJECT, format!("{} answers", api.host())),
        Err(error) => READY.fail(SUBJECT, error::chain(&error)).help("without it the KMS refuses every machine"),
    })
}

async fn dns(args: &PreflightArgs) -> Finding {
    const SUBJECT: &str = "DNS";
    let Some(domain) = &args.domain else { return READY.skip(SUBJECT, "not checked: name the KMS with --domain") };
    let found = tokio::time::timeout(PATIENCE, tokio::net::lookup_host((domain.to_string(), 0))).await;
    let addresses: Vec<String> = match found {
        Ok(Ok(found)) => found.map(|address| address.ip().to_string()).collect(),
        Ok(Err(_)) | Err(_) => Vec::new(),
    };
    if addresses.is_empty() {
        return READY
            .fail(SUBJECT, format!("{domain} does not resolve"))
            .help("clients reach the KMS by this name: have it resolve to the host");
    }
    READY.pass(SUBJECT, format!("{domain} is {}", addresses.join(", ")))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::report::Status;

    #[test]
    fn the_manifest_of_an_image_is_asked_for_by_digest_or_tag_at_its_registry() {
        let at = |image: &str| manifest(image).map(|url| url.to_string());
        let digest = format!("sha256:{}", "ab".repeat(32));
        assert_eq!(
            at(&format!("registry.example.com/dstack-kms@{digest}")).unwrap(),
            format!("https://registry.example.com/v2/dstack-kms/manifests/{digest}")
        );
        assert_eq!(at("127.0.0.1:5000/a/b:fixed").as_deref(), Some("http://127.0.0.1:5000/v2/a/b/manifests/fixed"));
        assert_eq!(at("dstack-kms:fixed"), None);
        assert_eq!(at("library/dstack-kms:fixed"), None);
    }

    #[test]
    fn clocks_more_than_a_minute_apart_fail() {
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        let at = |second: i64| Timestamp::from_second(1_800_000_000 + second).unwrap();
        assert_eq!(clock(now, Some(at(60))).status, Status::Pass);
        assert_eq!(clock(now, Some(at(-61))).status, Status::Fail);
        assert_eq!(clock(now, None).status, Status::Skipped);
    }
}
