//! `dstack deploy`: a VM made from an app-compose.json, up to the moment when its KMS waits for its keys. Run again, it finds
//! the VM that it made, by name and compose hash, and makes no second one.

mod boot;
mod ordered;

use std::time::{Duration, Instant};

use serde_json::Value;
use url::Url;

use super::reach;
use crate::{
    adapters::{
        file,
        vmm::{Answered, Order, Vm, Vmm},
    },
    cli::dstack::host::DeployArgs,
    context::Context,
    digest::Sha256,
    error::{Error, Result},
    product::Product,
    report::{Action, CheckInfo, Fact, Finding, Report, Section},
    schema::parse_json,
    text::excerpt,
};

/// The VM runs what was asked for.
pub(super) const DEPLOYED: CheckInfo = CheckInfo {
    id: "dstack-deployed",
    title: "the VM runs the app-compose.json and the guest image that were asked for",
};
/// Its KMS waits.
pub(super) const WAITS: CheckInfo =
    CheckInfo { id: "dstack-waits", title: "the KMS of a new VM answers, and waits for its keys" };
/// Checks of `dstack deploy`.
pub(super) const RULES: [CheckInfo; 2] = [DEPLOYED, WAITS];

/// Largest app-compose.json read, in bytes.
const MAX_COMPOSE: u64 = 1 << 20;

/// What is to run.
struct Wanted {
    /// `app-compose.json`, as it is.
    text: String,
    hash: Sha256,
    /// The first 20 bytes of the hash, hex.
    app_id: String,
    /// What is odd about it, and no reason to refuse it.
    caveats: Vec<String>,
}

/// What there is under a name, and what to do about it.
enum Found {
    /// Nothing.
    Nothing,
    /// The VM that is wanted, which runs.
    Runs(Vm),
    /// The VM that is wanted, which is down.
    Down(Vm),
    /// The VM that is wanted, which never ran: what creating it left behind when it failed, or what somebody made and has not
    /// started.
    Leftover(Vm),
}

pub(super) async fn run(args: &DeployArgs, context: &Context) -> Result<Product> {
    let started = Instant::now();
    let wanted = Wanted::read(args)?;
    let vmm = reach::vmm(context)?;
    let kms_url = args.kms_url.clone().or_else(|| reach::forwarded(vmm.address(), &args.machine.ports));
    let Some(kms_url) = kms_url else {
        return Err(Error::usage(format!("no port of the host leads to port {} of the VM", reach::KMS_PORT))
            .help("give one with --port, or say with --kms-url where the KMS is reached"));
    };
    refuse_unknown_image(&vmm, args).await?;
    let found = look(&vmm, args, &wanted).await?;
    let mut work = Work { args, vmm: &vmm, wanted: &wanted, actions: Vec::new(), findings: Vec::new() };
    let id = if args.dry_run {
        work.plan(&found);
        None
    } else {
        let id = work.bring_up(found).await?;
        work.until_it_waits(&id, &kms_url, context).await?;
        Some(id)
    };
    Ok(work.product(id, &kms_url, started))
}

impl Wanted {
    fn read(args: &DeployArgs) -> Result<Self> {
        let name = file::source_name(&args.compose);
        let bytes = file::read_source(&args.compose, MAX_COMPOSE)?;
        let odd = |what: String| {
            Error::input(format!("{name}: {what}")).help("make it with `dstack compose`: every byte of it is measured")
        };
        let document = parse_json(&bytes).map_err(|e| odd(format!("not acceptable JSON: {e}")))?;
        if document.get("manifest_version").and_then(Value::as_u64).is_none() {
            return Err(odd("`manifest_version` is missing: this is not an app-compose.json".to_owned()));
        }
        let text = String::from_utf8(bytes).map_err(|e| odd("not UTF-8 text".to_owned()).because(e))?;
        let hash = Sha256::of(text.as_bytes());
        let app_id = hash.to_string().chars().take(40).collect();
        let is = |field: &str| document.get(field) == Some(&Value::Bool(true));
        let mut caveats = Vec::new();
        if is("secure_time") {
            caveats.push("secure_time is true: a guest that reaches no time server never boots".to_owned());
        }
        if !is("no_instance_id") {
            let why = "no_instance_id is not true: every VM made from this file has another measurement";
            caveats.push(format!("{why}, so its allow-list entry is good for this VM alone"));
        }
        Ok(Self { text, hash, app_id, caveats })
    }
}

/// Refuses an image that the host does not have: creating the VM would fail, and say less.
async fn refuse_unknown_image(vmm: &Vmm, args: &DeployArgs) -> Result<()> {
    let images = vmm.images().await?;
    if images.iter().any(|image| image.name == args.machine.image) {
        return Ok(());
    }
    let named: Vec<String> = images.iter().map(|image| excerpt(&image.name)).collect();
    let has = if named.is_empty() { "it has none".to_owned() } else { format!("it has {}", named.join(", ")) };
    Err(Error::input(format!("the host has no guest image `{}`", excerpt(&args.machine.image)))
        .help(format!("{has}; unpack the image into the folder of images that vmm.toml names")))
}

/// What the host has under the name.
async fn look(vmm: &Vmm, args: &DeployArgs, wanted: &Wanted) -> Result<Found> {
    let named = vmm.named(&args.name).await?;
    let vm = match named.as_slice() {
        [] => return Ok(Found::Nothing),
        [vm] => vm,
        several => {
            let ids: Vec<String> = several.iter().map(|vm| excerpt(&vm.id)).collect();
            return Err(Error::input(format!("{} VMs are named {}: {}", ids.len(), args.name, ids.join(", ")))
                .help("choose another --name, or remove those that are not meant"));
        }
    };
    let gone = || Error::remote(format!("VM {} is gone while it was looked at", excerpt(&vm.id)));
    let vm = vmm.info(&vm.id).await?.ok_or_else(gone)?;
    let runs = vm.configuration.as_ref().map(|of| Sha256::of(of.compose_file.as_bytes()));
    let image = vm.configuration.as_ref().map(|of| of.image.as_str()).unwrap_or_default();
    if runs != Some(wanted.hash) || image != args.machine.image {
        let hash = runs.map_or_else(|| "unknown".to_owned(), |hash| format!("sha256:{hash}"));
        let message = format!(
            "the host has a VM {} that runs something else: compose hash {hash} on image `{}`",
            args.name,
            excerpt(image)
        );
        return Err(Error::input(message).help(format!(
            "choose another --name; its keys are on its disk, so it is never replaced (id {})",
            excerpt(&vm.id)
        )));
    }
    let configuration = vm.configuration.clone().unwrap_or_default();
    if configuration.no_tee == Some(true) {
        return Err(Error::trust(format!(
            "the host's VM {} runs without TDX (no_tee): its host can read its keys",
            args.name
        ))
        .help(format!("remove it, or choose another --name (id {})", excerpt(&vm.id))));
    }
    if let Some((what, ordered, has)) = ordered::differences(&configuration, &args.machine, wanted).into_iter().next() {
        let message =
            format!("the host's VM {} differs from what was ordered: {what} is {has}, and not {ordered}", args.name);
        return Err(Error::input(message)
            .help(format!("order what is there, or choose another --name (id {})", excerpt(&vm.id))));
    }
    Ok(match vm {
        vm if vm.never_ran() => Found::Leftover(vm),
        vm if vm.is_down() => Found::Down(vm),
        vm => Found::Runs(vm),
    })
}

/// A deployment on its way.
struct Work<'a> {
    args: &'a DeployArgs,
    vmm: &'a Vmm,
    wanted: &'a Wanted,
    actions: Vec<Action>,
    findings: Vec<Finding>,
}

impl Work<'_> {
    fn plan(&mut self, found: &Found) {
        let name = self.args.name.as_str();
        match found {
            Found::Runs(vm) => self.actions.push(Action::planned("follow VM", format!("{name} ({})", vm.id))),
            Found::Down(vm) | Found::Leftover(vm) => {
                self.actions.push(Action::planned("start VM", format!("{name} ({})", vm.id)));
            }
            // Whole: these bytes decide what is measured.
            Found::Nothing => self.actions.push(Action::planned("create VM", name).holding(self.wanted.text.clone())),
        }
        self.findings.push(DEPLOYED.skip(name, "nothing was done (--dry-run)"));
        self.findings.push(WAITS.skip(name, "nothing was done (--dry-run)"));
    }

    /// Has the VM run, and says which it is.
    async fn bring_up(&mut self, found: Found) -> Result<String> {
        let name = self.args.name.as_str();
        match found {
            Found::Runs(vm) => {
                tracing::info!("VM {name} runs already: {}", excerpt(&vm.id));
                Ok(vm.id)
            }
            // Only a VM that this run saw fail is removed: another may be somebody's.
            Found::Down(vm) | Found::Leftover(vm) => self.start(vm).await,
            Found::Nothing => self.create().await,
        }
    }

    async fn start(&mut self, vm: Vm) -> Result<String> {
        let (name, id) = (&self.args.name, excerpt(&vm.id));
        match self.vmm.start(&vm.id).await? {
            Answered::Done(()) => {}
            Answered::Refused(error) if vm.never_ran() => {
                return Err(error
                    .help(format!("VM {name} never ran: see why it does not start, or remove it by hand (id {id})")));
            }
            Answered::Refused(error) => return Err(error),
            // Whether it runs, the next look tells.
            Answered::Unknown(error) => tracing::warn!("{error}"),
        }
        self.actions.push(Action::done("start VM", format!("{name} ({id})")));
        Ok(vm.id)
    }

    async fn create(&mut self) -> Result<String> {
        let DeployArgs { name, machine, .. } = self.args;
        let order = Order {
            name,
            image: &machine.image,
            app_compose: &self.wanted.text,
            vcpu: machine.vcpu,
            memory: machine.memory,
            disk: machine.disk,
            ports: &machine.ports,
        };
        let id = match self.vmm.create(&order).await? {
            Answered::Done(id) => id,
            Answered::Refused(error) => return Err(self.cleaned(error).await),
            Answered::Unknown(error) => {
                tracing::warn!("looking whether VM {name} was created: {error}");
                match look(self.vmm, self.args, self.wanted).await? {
                    Found::Runs(vm) => vm.id,
                    Found::Nothing => return Err(error),
                    Found::Down(vm) | Found::Leftover(vm) => self.start(vm).await?,
                }
            }
        };
        self.actions.push(Action::done("create VM", format!("{name} ({})", excerpt(&id))));
        Ok(id)
    }

    /// The error of a creation that failed, after what it left behind was removed. Creating is not atomic.
    async fn cleaned(&mut self, error: Error) -> Error {
        let left = match look(self.vmm, self.args, self.wanted).await {
            Ok(Found::Leftover(vm)) => vm,
            Ok(Found::Nothing) => return error,
            Ok(Found::Runs(vm) | Found::Down(vm)) => {
                return error.help(format!("VM {} is there all the same: run `dstack deploy` again", excerpt(&vm.id)));
            }
            Err(unseen) => return error.help(format!("whether a VM was left behind is not known: {unseen}")),
        };
        match self.remove(&left).await {
            Ok(()) => error.help(format!("VM {}, which the failure had left behind, is removed", excerpt(&left.id))),
            Err(stays) => {
                error.help(format!("VM {} was left behind and could not be removed: {stays}", excerpt(&left.id)))
            }
        }
    }

    async fn remove(&mut self, vm: &Vm) -> Result<()> {
        match self.vmm.remove(&vm.id).await? {
            Answered::Done(()) => {}
            Answered::Refused(error) | Answered::Unknown(error) => {
                if self.vmm.info(&vm.id).await?.is_some() {
                    return Err(error);
                }
            }
        }
        self.actions
            .push(Action::done("remove VM that never ran", format!("{} ({})", self.args.name, excerpt(&vm.id))));
        Ok(())
    }

    async fn until_it_waits(&mut self, id: &str, kms_url: &Url, context: &Context) -> Result<()> {
        let name = self.args.name.as_str();
        let patience = Duration::from_secs(self.args.wait.into());
        let vm = boot::until_it_waits(self.vmm, id, kms_url, patience, context).await?;
        let app_id = vm.app_id.as_deref().unwrap_or_default();
        self.findings.push(if app_id == self.wanted.app_id {
            DEPLOYED.pass(name, format!("app id {app_id} on image {}", excerpt(&self.args.machine.image)))
        } else {
            DEPLOYED
                .fail(name, "the VMM states another app id than the file has")
                .compared(self.wanted.app_id.clone(), excerpt(app_id))
                .help("the VMM changed the file on its way: compare the versions of VMM and file")
        });
        self.findings.push(
            WAITS.pass(name, format!("{} answers, and waits for its keys", crate::adapters::http::host(kms_url))),
        );
        Ok(())
    }

    fn product(self, id: Option<String>, kms_url: &Url, started: Instant) -> Product {
        let mut facts = vec![
            Fact::named("VMM", self.vmm.address().to_string()),
            Fact::named("compose hash", format!("sha256:{}", self.wanted.hash)),
            Fact::named("app id", self.wanted.app_id.clone()),
            Fact::named("KMS", kms_url.as_str().trim_end_matches('/')),
        ];
        facts.extend(id.map(|id| Fact::named("VM", excerpt(&id))));
        let section = Section {
            subject: self.args.name.to_string(),
            facts,
            caveats: self.wanted.caveats.clone(),
            findings: self.findings,
            actions: self.actions,
            ..Section::default()
        };
        Product::report(Report {
            command: "dstack deploy".into(),
            rules: RULES.to_vec(),
            sections: vec![section],
            elapsed: Some(started.elapsed()),
            ..Report::default()
        })
    }
}
