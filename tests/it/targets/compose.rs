//! A compose file: what Docker is told, word by word, what stays as it was when Docker fails, and that staging is never
//! production by another name. Docker is a script here, which notes its words and pretends.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use merotee::{
    adapters::target::{Address, Applied, ComposeFile, Current, Docker, Phase, Target as _},
    error::{Class, chain},
    sandbox::boot::compose_of,
    subject::profile::Profile,
};
use serde_json::Value;
use url::Url;

use crate::binary::{Place, Run, findings};

/// The service of a KMS.
const KMS: &str = "mero-kms";

/// Pretends to be Docker: a service runs with the image of the file that was brought up last in its project.
const DOCKER: &str = r#"#!/bin/sh
here=$(dirname "$0")
echo "$*" >> "$here/words"
if [ "$1" = image ]; then
  grep -qxF "$5" "$here/images"
  exit $?
fi
[ "$1" = compose ] || exit 64
shift
while [ $# -gt 0 ]; do
  case "$1" in
    --project-directory) shift 2 ;;
    --project-name) project=$2; shift 2 ;;
    --file) file=$2; shift 2 ;;
    *) break ;;
  esac
done
[ -e "$here/fails-$1" ] && { echo "Error: it is told to fail at $1" >&2; exit 18; }
runs="$here/runs-$project-mero-kms"
case "$1" in
  version) echo 2.29.7 ;;
  pull) sed -n 's/^ *image: *//p' "$file" >> "$here/images" ;;
  up)
    image=$(sed -n 's/^ *image: *//p' "$file")
    grep -qxF "$image" "$here/images" || { echo "Error: No such image" >&2; exit 1; }
    echo "$image" > "$runs" ;;
  rm) rm -f "$runs" ;;
  port) [ -e "$runs" ] || { echo "no container found" >&2; exit 1; }; echo 0.0.0.0:32768 ;;
  ps)
    cat "$here/others" 2>/dev/null
    [ -e "$runs" ] && printf '{"Service":"mero-kms","Image":"%s","State":"%s","Health":""}\n' "$(cat "$runs")" "$(cat "$here/state")" ;;
  *) exit 64 ;;
esac
exit 0
"#;

struct Stage {
    place: Place,
    compose: PathBuf,
}

impl Stage {
    fn new() -> Self {
        let place = Place::new();
        let docker = place.write("docker", DOCKER);
        fs::set_permissions(&docker, fs::Permissions::from_mode(0o755)).unwrap();
        place.write("state", "running");
        place.write("images", format!("{}\n", image("mero-kms-v1.1.1")));
        place.write("runs-ours-mero-kms", image("mero-kms-v1.1.1"));
        let compose = place.write("compose.yaml", file("mero-kms-v1.1.1"));
        Self { place, compose }
    }

    fn target(&self) -> ComposeFile {
        self.at(Address::Published)
    }

    fn at(&self, address: Address) -> ComposeFile {
        self.of(&self.compose, address).unwrap()
    }

    fn of(&self, path: &Path, address: Address) -> merotee::error::Result<ComposeFile> {
        ComposeFile::new(Docker::new(&self.place.path("docker")), path, KMS, address)
    }

    /// What Docker was told since the last time.
    fn words(&self) -> Vec<String> {
        let path = self.place.path("words");
        let said = fs::read_to_string(&path).unwrap_or_default();
        let _ = fs::remove_file(path);
        let folder = self.place.path("compose.yaml").canonicalize().unwrap().parent().unwrap().display().to_string();
        let given = format!("compose --project-directory {folder} --project-name ours --file {folder}/");
        said.lines().map(|line| line.replace(&given, "OURS ").replace(&folder, "DIR")).collect()
    }
}

/// The compose file of a release, of the project `ours`.
fn file(release: &str) -> String {
    format!("name: ours\n{}", compose_of(&release.parse().unwrap(), Profile::Debug))
}

fn url(text: &str) -> Url {
    Url::parse(text).unwrap()
}

fn image(release: &str) -> String {
    let file = file(release);
    file.lines().find_map(|line| line.trim().strip_prefix("image: ")).unwrap().to_owned()
}

#[tokio::test]
async fn an_image_is_pulled_before_anything_changes_then_the_one_service_is_brought_up() {
    let stage = Stage::new();
    let target = stage.target();
    let runs = |release: &str| Current { compose: Some(file(release)), phase: Phase::Running };
    assert_eq!(target.current().await.unwrap(), runs("mero-kms-v1.1.1"));
    stage.words();
    assert!(matches!(target.apply(&file("mero-kms-v1.2.0")).await.unwrap(), Applied::Begun));
    let words = stage.words();
    let [inspect, pull, up] = words.as_slice() else { panic!("{words:?}") };
    assert_eq!(*inspect, format!("image inspect --format {{{{.Id}}}} {}", image("mero-kms-v1.2.0")));
    assert!(pull.starts_with("OURS .merotee-") && pull.ends_with(".yaml pull --quiet mero-kms"), "{pull}");
    const UP: &str = "OURS compose.yaml up --detach --no-deps --pull never --remove-orphans=false mero-kms";
    assert_eq!(up, UP);
    assert_eq!(target.current().await.unwrap(), runs("mero-kms-v1.2.0"));
    // The same once more asks what runs, and changes nothing.
    stage.words();
    assert!(matches!(target.apply(&file("mero-kms-v1.2.0")).await.unwrap(), Applied::Unchanged));
    assert_eq!(stage.words(), ["OURS compose.yaml ps --all --format json mero-kms"]);
    // And back again, where no registry can be asked any more.
    stage.place.write("fails-pull", "");
    assert!(matches!(target.apply(&file("mero-kms-v1.1.1")).await.unwrap(), Applied::Begun));
    assert!(stage.words().iter().all(|line| !line.contains(" pull --quiet")));
    assert_eq!(target.current().await.unwrap(), runs("mero-kms-v1.1.1"));
    let left: Vec<_> = fs::read_dir(stage.place.path("")).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert!(left.iter().all(|name| !name.to_string_lossy().starts_with(".merotee-")), "{left:?}");
}

#[tokio::test]
async fn a_removal_takes_the_one_service_and_leaves_the_rest_of_the_project() {
    let stage = Stage::new();
    let target = stage.target();
    target.remove().await.unwrap();
    assert_eq!(
        stage.words(),
        ["OURS compose.yaml rm --stop --force mero-kms", "OURS compose.yaml ps --all --format json mero-kms"]
    );
    assert!(matches!(target.current().await.unwrap().phase, Phase::Behind(_)));
    // What is gone may be removed again; what stays is told.
    target.remove().await.unwrap();
    stage.place.write("others", "{\"Service\":\"mero-kms\",\"Image\":\"a\",\"State\":\"running\",\"Health\":\"\"}\n");
    let error = target.remove().await.unwrap_err();
    assert!(chain(&error).contains("still has a container"), "{error}");
    stage.place.write("fails-rm", "");
    let error = target.remove().await.unwrap_err();
    assert!(chain(&error).contains("`docker compose rm` ends with 18"), "{error}");
}

#[tokio::test]
async fn containers_of_other_services_and_of_one_run_are_not_the_kms() {
    let stage = Stage::new();
    let image = image("mero-kms-v1.1.1");
    let line = |service: &str, labels: &str| {
        format!(
            "{{\"Service\":\"{service}\",\"Image\":\"{image}\",\"State\":\"exited\",\"Health\":\"\",\"Labels\":\"{labels}\"}}\n"
        )
    };
    let others = format!("{}{}", line("proxy", ""), line(KMS, "com.docker.compose.oneoff=True"));
    stage.place.write("others", &others);
    assert_eq!(stage.target().current().await.unwrap().phase, Phase::Running);
    stage.place.write("others", others + &line(KMS, "com.docker.compose.oneoff=False"));
    let phase = stage.target().current().await.unwrap().phase;
    assert!(matches!(&phase, Phase::Coming(why) if why.contains("2 containers")), "{phase:?}");
}

#[tokio::test]
async fn the_kms_is_reached_at_the_published_port_and_at_no_other_address_unless_it_is_unchecked() {
    let stage = Stage::new();
    assert_eq!(stage.target().addresses().await.unwrap(), [url("http://127.0.0.1:32768/")]);
    assert_eq!(stage.words(), ["OURS compose.yaml port mero-kms 8080"]);
    let there = url("http://localhost:32768/");
    assert_eq!(stage.at(Address::Held(there.clone())).addresses().await.unwrap(), [there]);
    let elsewhere = url("http://127.0.0.1:8080/");
    let error = stage.at(Address::Held(elsewhere.clone())).addresses().await.unwrap_err();
    assert!(
        error.class() == Class::Usage && chain(&error).contains("is not where the container is reached"),
        "{error}"
    );
    assert_eq!(stage.at(Address::Unchecked(elsewhere.clone())).addresses().await.unwrap(), [elsewhere]);
    assert!(stage.of(&stage.compose, Address::Held(url("https://kms.example/"))).is_err());
    // A service that runs and publishes nothing is told; one that is on its way has no address yet.
    stage.place.write("fails-port", "");
    let error = stage.target().addresses().await.unwrap_err();
    assert!(chain(&error).contains("publishes no port 8080"), "{error}");
    fs::remove_file(stage.place.path("runs-ours-mero-kms")).unwrap();
    assert!(stage.target().addresses().await.unwrap().is_empty());
}

#[tokio::test]
async fn another_file_is_not_brought_up_when_its_kms_is_another_service_or_its_project_another_one() {
    let stage = Stage::new();
    let target = stage.target();
    for (compose, why) in [
        (file("mero-kms-v1.2.0").replace("  mero-kms:", "  proxy:"), "its KMS is the service proxy, not mero-kms"),
        (file("mero-kms-v1.2.0").replace("name: ours", "name: theirs"), "would become the compose project theirs"),
        ("services: {}\n".to_owned(), "0 of its services are a KMS"),
    ] {
        let error = target.apply(&compose).await.unwrap_err();
        assert!(error.class() == Class::Usage && chain(&error).contains(why), "{}", chain(&error));
    }
    assert_eq!(stage.place.read("compose.yaml"), file("mero-kms-v1.1.1"));
    assert!(stage.words().is_empty());
}

#[test]
fn two_files_are_apart_when_neither_path_nor_project_is_the_same() {
    let stage = Stage::new();
    let bare = file("mero-kms-v1.1.1").replace("name: ours\n", "");
    for (name, text) in [("a/Kms/c.yaml", &bare), ("b/kms/c.yaml", &bare), ("c/ours/c.yaml", &bare)] {
        let path = stage.place.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    std::os::unix::fs::symlink(&stage.compose, stage.place.path("other.yaml")).unwrap();
    let apart = |one: &str, other: &str| {
        let of = |name: &str| stage.of(&stage.place.path(name), Address::Published).unwrap();
        of(one).apart(&of(other)).map_err(|error| chain(&error))
    };
    assert_eq!(apart("compose.yaml", "a/Kms/c.yaml"), Ok(()));
    for (one, other, why) in [
        ("compose.yaml", "a/../compose.yaml", "the same compose file"),
        ("compose.yaml", "other.yaml", "the same compose file"),
        ("a/Kms/c.yaml", "b/kms/c.yaml", "are one compose project, kms"),
        ("compose.yaml", "c/ours/c.yaml", "are one compose project, ours"),
    ] {
        let said = apart(one, other).unwrap_err();
        assert!(said.contains(why), "{one} {other}: {said}");
    }
}

/// `rollout plan` or `run` with a production in `compose.yaml`, by the stand-in for Docker.
fn rollout(stage: &Stage, command: &[&str], staging: &str, more: &[&str]) -> Run {
    let path = format!("{}:/usr/bin:/bin", stage.place.path("").display());
    let production = format!("compose:{}#mero-kms", stage.compose.display());
    let places =
        ["--staging", staging, "--production", &production, "--staging-node", "ssh s", "--production-node", "ssh p"];
    let words = ["rollout"].iter().chain(command).chain(&["1.2.0", "--profile", "debug"]).chain(&places).chain(more);
    stage.place.merotee(words).env("PATH", path).env("COMPOSE_PROJECT_NAME", "from-the-environment").run()
}

#[test]
fn a_plan_fails_on_a_compose_file_that_is_production_by_another_name_and_a_run_does_not_begin() {
    let stage = Stage::new();
    let text = file("mero-kms-v1.1.1");
    let write = |name: &str, text: &str| format!("compose:{}#mero-kms", stage.place.write(name, text).display());
    let mine = write("staging.yaml", &text.replace("name: ours", "name: staging"));
    let plan = |staging: &str, more: &[&str]| rollout(&stage, &["plan"], staging, more);
    // The rest of a plan, such as tokens for the pull request, is missing here and decides its exit code: these are about the files.
    let fits = |run: Run| {
        let report = run.report();
        let findings = findings(&report);
        let of = |finding: &Value| finding["subject"] == "staging" || finding["subject"] == "production";
        let faults: Vec<_> = findings.iter().filter(|finding| of(finding) && finding["status"] == "fail").collect();
        assert!(faults.is_empty(), "{faults:?}");
        findings.iter().map(|finding| finding["message"].as_str().unwrap().to_owned()).collect::<Vec<_>>().join("\n")
    };
    let said = fits(plan(&mine, &["--format", "json"]));
    assert!(
        said.contains("Docker Compose 2.29.7 is there") && said.contains("there is no verdict on it unless"),
        "{said}"
    );
    let said = fits(plan(&mine, &["--format", "json", "--unmeasured"]));
    assert!(said.contains("taken unmeasured: nothing will prove what runs there"), "{said}");
    let other = stage.place.path("other.yaml");
    std::os::unix::fs::symlink(&stage.compose, &other).unwrap();
    for (staging, code, why) in [
        (write("same.yaml", &text), 10, "are one compose project, ours"),
        (write("no-name.yaml", &text.replace("name: ours", "name: $NAME")), 10, "comes from a variable"),
        (write("latest.yaml", &text.replace("@sha256:", ":latest-")), 10, "not pinned"),
        (mine.replace("#mero-kms", "#proxy"), 10, "its KMS is the service mero-kms, not proxy"),
        (mine.replace("staging.yaml", "gone.yaml"), 10, "cannot read"),
        (format!("compose:{}#mero-kms", other.display()), 2, "the same place"),
        (format!("compose:{}#other", stage.compose.display()), 2, "the same place"),
    ] {
        plan(&staging, &[]).expect(code).says(&[why]);
    }
    // Nothing is written and nothing asked where a rollout cannot be made.
    stage.words();
    let state = stage.place.path("r.state");
    let state = ["--state", state.to_str().unwrap()];
    rollout(&stage, &["run"], &write("same.yaml", &text), &state).expect(2).says(&["are one compose project, ours"]);
    assert!(!stage.place.path("r.state").exists() && stage.words().is_empty());
    let phala = rollout(&stage, &["plan"], &mine, &["--staging-url", "https://kms.example/"]);
    phala.expect(10).says(&["is not a port that Docker publishes on this host"]);
}

#[tokio::test]
async fn an_image_that_cannot_be_pulled_changes_nothing_and_services_that_do_not_start_leave_it_unknown() {
    let stage = Stage::new();
    let target = stage.target();
    stage.place.write("fails-pull", "");
    let Applied::Refused(error) = target.apply(&file("mero-kms-v1.2.0")).await.unwrap() else { panic!("not refused") };
    assert!(chain(&error).contains("`docker compose pull` ends with 18: Error: it is told to fail at pull"), "{error}");
    assert_eq!(stage.place.read("compose.yaml"), file("mero-kms-v1.1.1"));
    fs::remove_file(stage.place.path("fails-pull")).unwrap();
    stage.place.write("fails-up", "");
    let Applied::Unknown(error) = target.apply(&file("mero-kms-v1.2.0")).await.unwrap() else { panic!("known") };
    assert!(chain(&error).contains("`docker compose up` ends with 18"), "{error}");
    // The file says what is to run, and the container has another image.
    let current = target.current().await.unwrap();
    assert_eq!(current.compose, Some(file("mero-kms-v1.2.0")));
    assert!(matches!(current.phase, Phase::Behind(why) if why.contains("another image")));
}

#[tokio::test]
async fn a_container_that_ended_and_a_docker_that_is_missing_or_talks_nonsense_are_told() {
    let stage = Stage::new();
    stage.place.write("state", "exited");
    let current = stage.target().current().await.unwrap();
    assert!(matches!(current.phase, Phase::Failed(why) if why.contains("exited")));
    stage.place.write("state", "run\"ning");
    let error = stage.target().current().await.unwrap_err();
    assert!(chain(&error).contains("unexpected form"), "{error}");
    assert_eq!(Docker::new(&stage.place.path("docker")).version().await.unwrap(), "2.29.7");
    let missing = Docker::new(&stage.place.path("no-docker-at-all"));
    let error = missing.version().await.unwrap_err();
    assert_eq!(error.class(), Class::Usage);
    assert!(chain(&error).contains("there is no program") && error.advice().unwrap().contains("compose plugin"));
    stage.place.write("fails-version", "");
    let error = Docker::new(&stage.place.path("docker")).version().await.unwrap_err();
    assert!(error.advice().unwrap().contains("docker-compose-plugin"));
}
