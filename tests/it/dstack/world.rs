//! The agents of a whole world.

use std::path::Path;

use merotee::{
    attestation::quote::Quote,
    sandbox::{
        dstack::Fault,
        world::{Plan, World},
    },
};

use super::*;
use crate::binary::{BINARY, Place, serve::Serve};

async fn registers(socket: impl Into<PathBuf>) -> Vec<Measurement> {
    let answer = GuestAgent::new(socket).get_quote(&REPORT_DATA).await.unwrap();
    let quote = Quote::parse(&answer.quote).unwrap();
    Register::ALL.map(|r| *quote.report.registers.get(r)).to_vec()
}

fn of_release(release: &str, profile: Profile) -> Vec<Measurement> {
    let registers = Boot::of_release(&tag(release), profile).registers();
    Register::ALL.map(|r| *registers.get(r)).to_vec()
}

#[tokio::test]
async fn a_world_has_the_agents_of_a_kms_and_a_node_and_any_that_are_asked_for() {
    let world = World::start(&Plan::default()).await.unwrap();
    assert_eq!(registers(world.kms_agent()).await, of_release(KMS, Profile::LockedReadOnly));
    assert_eq!(registers(world.node_agent()).await, of_release(NODE, Profile::LockedReadOnly));
    let debug = world.agent(&tag("mero-tee-v1.1.0"), Profile::Debug).unwrap();
    assert_eq!(registers(debug).await, of_release("mero-tee-v1.1.0", Profile::Debug));

    let replica = world.agent(&tag(KMS), Profile::LockedReadOnly).unwrap();
    assert_ne!(replica, world.kms_agent());
    let key = |socket| async { shown(&GuestAgent::new(socket).get_key("a", "").await.unwrap()) };
    assert_eq!(key(replica.clone()).await, key(world.kms_agent()).await);

    // One machine's trouble is not another's.
    world.kms_machine().fail(Some(Fault::Status(500)));
    GuestAgent::new(world.kms_agent()).info().await.unwrap_err();
    GuestAgent::new(replica).info().await.unwrap();
    world.node_machine().emit("mine", b"");
    assert_ne!(registers(world.node_agent()).await, of_release(NODE, Profile::LockedReadOnly));

    let unknown = Boot { mrtd: Measurement::from_bytes([1; 48]), ..Boot::of_release(&tag(NODE), Profile::Debug) };
    let started = world.start_agent(Machine::new(Arc::clone(world.platform()), unknown)).unwrap();
    assert_eq!(registers(started.socket).await[0], Measurement::from_bytes([1; 48]));
}

#[tokio::test]
async fn a_served_world_exports_the_sockets_of_both_agents() {
    let serve = Serve::start();
    for (variable, release) in [("DSTACK_SOCKET_PATH", KMS), ("MEROTEE_NODE_DSTACK_SOCKET", NODE)] {
        assert_eq!(registers(serve.export(variable)).await, of_release(release, Profile::LockedReadOnly), "{variable}");
    }
}

#[test]
fn a_long_temporary_folder_does_not_keep_agents_from_listening() {
    let place = Place::new();
    let long = "a long name/".repeat(12);
    let folder = place.path(&long);
    std::fs::create_dir_all(&folder).unwrap();
    let script = format!(
        "{BINARY} sandbox --output exports serve & \
         while ! [ -s exports ]; do kill -0 $! || exit 9; done; \
         . ./exports; [ -S \"$DSTACK_SOCKET_PATH\" ]; there=$?; echo \"$DSTACK_SOCKET_PATH\"; kill $!; wait $!; exit $there"
    );
    let run = place.program("sh", ["-c", &script]).env("TMPDIR", &folder).run().expect(0);
    let socket = Path::new(run.stdout.trim_end());
    assert!(!socket.starts_with(&folder) && !socket.parent().unwrap().exists(), "{}", socket.display());
    assert_eq!(place.names(&long), [""; 0]);
}
