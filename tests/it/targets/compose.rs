//! A compose file: what Docker is told, word by word, and what is left as it was when Docker fails. Docker is a script here,
//! which notes its words and pretends.

use std::{fs, os::unix::fs::PermissionsExt as _, path::PathBuf};

use merotee::{
    adapters::target::{Applied, ComposeFile, Current, Docker, Phase, Target as _},
    error::{Class, chain},
    sandbox::boot::compose_of,
    subject::profile::Profile,
};
use url::Url;

use crate::binary::Place;

/// Pretends to be Docker: a container runs with the image of the file that was brought up last.
const DOCKER: &str = r#"#!/bin/sh
here=$(dirname "$0")
echo "$*" >> "$here/words"
[ "$1" = compose ] || exit 64
shift
while [ $# -gt 0 ]; do
  case "$1" in
    --project-directory) shift 2 ;;
    --file) file=$2; shift 2 ;;
    *) break ;;
  esac
done
[ -e "$here/fails-$1" ] && { echo "Error: it is told to fail at $1" >&2; exit 18; }
case "$1" in
  version) echo 2.29.7 ;;
  pull) ;;
  up) sed -n 's/^ *image: *//p' "$file" > "$here/running" ;;
  down) rm -f "$here/running" ;;
  ps) [ -e "$here/running" ] && printf '{"Image":"%s","State":"%s"}\n' "$(cat "$here/running")" "$(cat "$here/state")" ;;
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
        let compose = place.write("compose.yaml", file("mero-kms-v1.1.1"));
        let stage = Self { place, compose };
        stage.place.write("running", image("mero-kms-v1.1.1"));
        stage
    }

    fn target(&self) -> ComposeFile {
        let docker = Docker::new(&self.place.path("docker"));
        ComposeFile::new(docker, &self.compose, Url::parse("http://127.0.0.1:1/").unwrap()).unwrap()
    }

    /// What Docker was told since the last time.
    fn words(&self) -> Vec<String> {
        let path = self.place.path("words");
        let said = fs::read_to_string(&path).unwrap_or_default();
        let _ = fs::remove_file(path);
        let folder = self.place.path("compose.yaml").canonicalize().unwrap().parent().unwrap().display().to_string();
        said.lines().map(|line| line.replace(&folder, "DIR")).collect()
    }
}

fn file(release: &str) -> String {
    compose_of(&release.parse().unwrap(), Profile::Debug)
}

fn image(release: &str) -> String {
    let file = file(release);
    file.lines().find_map(|line| line.trim().strip_prefix("image: ")).unwrap().to_owned()
}

#[tokio::test]
async fn an_image_is_pulled_before_anything_changes_then_the_services_are_brought_up() {
    let stage = Stage::new();
    let target = stage.target();
    let runs = |release: &str| Current { compose: Some(file(release)), phase: Phase::Running };
    assert_eq!(target.current().await.unwrap(), runs("mero-kms-v1.1.1"));
    stage.words();
    assert!(matches!(target.apply(&file("mero-kms-v1.2.0")).await.unwrap(), Applied::Begun));
    let words = stage.words();
    let [pull, up] = words.as_slice() else { panic!("{words:?}") };
    assert!(pull.starts_with("compose --project-directory DIR --file DIR/.merotee-"), "{pull}");
    assert!(pull.ends_with(".yaml pull --quiet"), "{pull}");
    assert_eq!(up, "compose --project-directory DIR --file DIR/compose.yaml up --detach --quiet-pull");
    assert_eq!(target.current().await.unwrap(), runs("mero-kms-v1.2.0"));
    // The same once more asks what runs, and changes nothing.
    stage.words();
    assert!(matches!(target.apply(&file("mero-kms-v1.2.0")).await.unwrap(), Applied::Unchanged));
    assert!(stage.words().iter().all(|line| line.contains(" ps ")));
    // And back again.
    assert!(matches!(target.apply(&file("mero-kms-v1.1.1")).await.unwrap(), Applied::Begun));
    assert_eq!(target.current().await.unwrap(), runs("mero-kms-v1.1.1"));
    let left: Vec<_> = fs::read_dir(stage.place.path("")).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert!(left.iter().all(|name| !name.to_string_lossy().starts_with(".merotee-")), "{left:?}");
    target.down().await.unwrap();
    assert!(matches!(target.current().await.unwrap().phase, Phase::Coming(_)));
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
    // The file says what is to run, and no container has its image.
    let current = target.current().await.unwrap();
    assert_eq!(current.compose, Some(file("mero-kms-v1.2.0")));
    assert!(matches!(current.phase, Phase::Coming(why) if why.contains("no container")));
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
