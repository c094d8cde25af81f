//! Leftovers of probes on Compute Engine that no journal tells of: machines by their labels over all zones, and rules of the
//! firewall by their description.

use crate::{
    adapters::gcp::compute::Compute,
    commands::machine::{removed::Removed, vm::removal::Thing},
    context::Context,
    error::{self, Result},
    probe::{
        checks::TEARDOWN,
        label::Label,
        leftover::{Match, Wanted, ageless},
        node::{LABEL, mark},
    },
    report::Action,
    subject::gcp::Project,
};

/// Finds what is wanted and takes it down, or says what would be; `None` where no project is named.
///
/// # Errors
/// Remote: it cannot be looked for.
pub(in crate::commands::probe) async fn sweep(
    wanted: &Wanted,
    dry_run: bool,
    context: &Context,
) -> Result<Option<Removed>> {
    let Some(project) = context.endpoints.gcp.project.clone() else { return Ok(None) };
    let compute = context.compute()?;
    let mut removed = Removed::default();
    let things = found(&compute, &project, wanted, &mut removed).await?;
    if things.is_empty() {
        removed.findings.push(TEARDOWN.pass(project.as_str(), "no matching machines or firewall rules in the project"));
    }
    for (what, name, thing) in things {
        if dry_run {
            removed.findings.push(TEARDOWN.skip(&name, "not removed: --dry-run"));
            removed.actions.push(Action::planned(format!("delete {what}"), name));
            continue;
        }
        let outcome = match thing.delete(&compute).await {
            Ok(()) => thing.is_gone(&compute).await,
            Err(error) => Err(error),
        };
        match outcome {
            Ok(true) => {
                removed.findings.push(TEARDOWN.pass(&name, format!("the {what} is gone")));
                removed.actions.push(Action::done(format!("delete {what}"), name));
            }
            Ok(false) => {
                removed
                    .findings
                    .push(TEARDOWN.undecided(&name, format!("the {what} is still there after its deletion")));
                removed.actions.push(Action::failed(format!("delete {what}"), name));
            }
            Err(error) => {
                let message = format!("the {what} may still be there: {}", error::chain(&error));
                removed.findings.push(TEARDOWN.undecided(&name, message));
                removed.actions.push(Action::failed(format!("delete {what}"), name));
            }
        }
    }
    Ok(Some(removed))
}

/// What is there of what is wanted: rules first.
async fn found(
    compute: &Compute,
    project: &Project,
    wanted: &Wanted,
    removed: &mut Removed,
) -> Result<Vec<(&'static str, String, Thing)>> {
    let mut things = Vec::new();
    for rule in compute.firewall_rules(project).await? {
        if meant(wanted, mark(&rule.description, LABEL), rule.creation_timestamp.as_deref(), &rule.name, removed)
            && let Ok(name) = rule.name.parse()
        {
            things.push(("firewall rule", rule.name.clone(), Thing::Rule(project.clone(), name)));
        }
    }
    let filter = match wanted {
        Wanted::Label(label) => format!("labels.{LABEL}={label}"),
        Wanted::Before(_) => format!("labels.{LABEL}:*"),
    };
    let listing = compute.instances(project, &filter).await?;
    for place in listing.unreachable {
        let what = format!("{} could not be looked through", crate::text::excerpt(&place));
        removed.findings.push(TEARDOWN.undecided(project.as_str(), what).help("run it again later"));
    }
    for instance in listing.found {
        let label = instance.labels.get(LABEL).map(String::as_str);
        // What a filter let through is looked at again.
        if !meant(wanted, label, instance.creation_timestamp.as_deref(), &instance.name, removed) {
            continue;
        }
        match (instance.in_zone(), instance.name.parse()) {
            (Some(zone), Ok(name)) => {
                things.push(("machine", instance.name.clone(), Thing::Machine(project.clone(), zone, name)));
            }
            _ => {
                let name = crate::text::excerpt(&instance.name);
                removed.findings.push(TEARDOWN.undecided(name, "the machine says no zone that it is in"));
            }
        }
    }
    Ok(things)
}

/// Whether something with these marks is meant; that it may be is told.
fn meant(wanted: &Wanted, label: Option<&str>, made: Option<&str>, name: &str, removed: &mut Removed) -> bool {
    let label: Option<Label> = label.and_then(|label| label.parse().ok());
    match wanted.judge(label.as_ref(), made.and_then(|made| made.parse().ok())) {
        Match::Yes => true,
        Match::No => false,
        Match::Unknown => {
            removed.findings.push(ageless(&crate::text::excerpt(name)));
            false
        }
    }
}
