//! What runs, as the command line names it, or as a sandbox offers it where the command line names nothing.

use std::path::PathBuf;

use url::Url;

use crate::{
    cli::{
        e2e::{OfProfile, RunningArgs},
        words::Words,
    },
    commands::node_access::NodeAccess,
    context::{Context, RunningEndpoints},
    error::{Error, Result},
    kms::peer::NodeIdentity,
    subject::profile::Profile,
};

/// What runs.
#[derive(Default)]
pub(super) struct Running {
    /// The KMS of each profile.
    pub(super) kms: Vec<(Profile, Url)>,
    /// A KMS of the release before.
    pub(super) stale_kms: Vec<(Profile, Url)>,
    /// How each profile's node is made to ask.
    pub(super) nodes: Vec<(Profile, NodeAccess)>,
    /// The admin API of each profile's node.
    pub(super) node_urls: Vec<(Profile, Url)>,
}

/// A node that was made for the run, as a command that goes there names it.
pub(super) struct Place<'a> {
    pub(super) machine: &'a str,
    pub(super) zone: &'a str,
    pub(super) project: &'a str,
    pub(super) address: &'a str,
}

impl Place<'_> {
    /// How such a node is made to ask, with the node's own names in their places.
    pub(super) fn reached(&self, access: NodeAccess) -> NodeAccess {
        match access {
            NodeAccess::Agent { socket, identity } => {
                // A path that is no text holds no name.
                let socket = socket.to_str().map(|text| self.named(text).into()).unwrap_or(socket);
                NodeAccess::Agent { socket, identity }
            }
            NodeAccess::Command(words) => NodeAccess::Command(words.iter().map(|word| self.named(word)).collect()),
        }
    }

    fn named(&self, text: &str) -> String {
        let Self { machine, zone, project, address } = self;
        let names = [("{machine}", machine), ("{zone}", zone), ("{project}", project), ("{address}", address)];
        names.into_iter().fold(text.to_owned(), |text, (name, value)| text.replace(name, value))
    }
}

impl Running {
    /// How the nodes that a run makes are made to ask: as the arguments say, or where they say nothing, as the context does.
    ///
    /// # Errors
    /// Usage: a profile is named twice, or the nodes' key cannot be used.
    pub(super) fn made(args: &RunningArgs, context: &Context) -> Result<Self> {
        let (commands, sockets) = (once("--node", &args.node)?, once("--node-socket", &args.node_socket)?);
        let offered = || context.endpoints.running.node_sockets.clone();
        let sockets = if commands.is_empty() && sockets.is_empty() { offered() } else { sockets };
        let nodes = accesses(commands, sockets, args.node_key.as_ref(), context)?;
        Ok(Self { nodes, ..Self::default() })
    }

    /// What the arguments name; where they name nothing, what the context offers.
    ///
    /// # Errors
    /// Usage: a profile is named twice, a KMS is named and no node that could ask it, or the nodes' key cannot be used.
    pub(super) fn of(args: &RunningArgs, context: &Context) -> Result<Self> {
        let RunningArgs { kms_url, stale_kms_url, node, node_socket, node_key, node_url, allow_http: _ } = args;
        let named = RunningEndpoints {
            kms: once("--kms-url", kms_url)?,
            stale_kms: once("--stale-kms-url", stale_kms_url)?,
            node_sockets: once("--node-socket", node_socket)?,
            node_urls: once("--node-url", node_url)?,
        };
        let commands = once("--node", node)?;
        let is_bare = named.kms.is_empty()
            && named.stale_kms.is_empty()
            && named.node_sockets.is_empty()
            && named.node_urls.is_empty()
            && commands.is_empty();
        let asks_none = commands.is_empty() && named.node_sockets.is_empty();
        if asks_none && !(named.kms.is_empty() && named.stale_kms.is_empty()) {
            let help = "a KMS is asked by a node: --node 'PROFILE=ssh node-1 merotee kms get-key', or --node-socket \
                        PROFILE=PATH";
            return Err(Error::usage("no node named: --node or --node-socket").help(help));
        }
        let named = if is_bare { context.endpoints.running.clone() } else { named };
        let nodes = accesses(commands, named.node_sockets, node_key.as_ref(), context)?;
        Ok(Self { kms: named.kms, stale_kms: named.stale_kms, nodes, node_urls: named.node_urls })
    }

    /// How a profile's node is made to ask.
    pub(super) fn node(&self, profile: Profile) -> Option<&NodeAccess> {
        self.nodes.iter().find(|(of, _)| *of == profile).map(|(_, access)| access)
    }
}

/// How nodes are made to ask, by commands and by sockets.
fn accesses(
    commands: Vec<(Profile, Words)>,
    sockets: Vec<(Profile, PathBuf)>,
    key: Option<&PathBuf>,
    context: &Context,
) -> Result<Vec<(Profile, NodeAccess)>> {
    let key = key.or(context.endpoints.kms.node_key.as_ref());
    if sockets.len() > 1 && key.is_some_and(|path| path.as_os_str() == "-") {
        return Err(Error::usage("--node-key: standard input holds one key, and several nodes are to use it")
            .help("write the key to a file that its owner alone can read"));
    }
    let mut nodes: Vec<(Profile, NodeAccess)> =
        commands.into_iter().map(|(profile, words)| (profile, NodeAccess::Command(words.0))).collect();
    for (profile, socket) in sockets {
        if nodes.iter().any(|(of, _)| *of == profile) {
            return Err(Error::usage(format!("--node and --node-socket both name the node of {profile}")));
        }
        nodes.push((profile, NodeAccess::Agent { socket, identity: identity(key)? }));
    }
    Ok(nodes)
}

fn identity(key: Option<&PathBuf>) -> Result<NodeIdentity> {
    match key {
        Some(path) => NodeIdentity::from_file(path),
        None => NodeIdentity::generate(),
    }
}

/// Each profile once.
fn once<T: Clone>(option: &str, given: &[OfProfile<T>]) -> Result<Vec<(Profile, T)>> {
    let mut named: Vec<(Profile, T)> = Vec::new();
    for OfProfile { profile, value } in given {
        if named.iter().any(|(of, _)| of == profile) {
            return Err(Error::usage(format!("{option} names {profile} twice")));
        }
        named.push((*profile, value.clone()));
    }
    Ok(named)
}
