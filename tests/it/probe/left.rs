//! `probe cleanup`: by the journal, by label and by age; what is not a probe's is never touched.

use super::{leftovers, probe};
use crate::binary::{Place, serve::Serve};

#[test]
fn a_name_that_is_taken_is_refused_and_what_bears_it_is_left_alone() {
    let (place, world) = (Place::new(), Serve::start());
    let journal = "{\"v\":1,\"at\":\"2026-11-30T09:10:04Z\",\"record\":{\"intent\":{\"cloud\":\"phala\",\"kind\":\"machine\",\
                   \"name\":\"merotee-probe-x\",\"label\":\"x\",\"request\":\"07070707-0707-4707-8707-070707070707\"}}}\n";
    std::fs::create_dir(place.path("out")).unwrap();
    place.write("out/probe-journal.jsonl", journal);
    // What stands in a journal is removed first.
    let refused = ["out holds an earlier run whose machine may still be running: merotee-probe-x"];
    // Files that it wrote as well do not hide that.
    place.write("out/probe-report.md", "an earlier report");
    let run = probe(&place, &world, "out", &[]).expect(2);
    run.says(&refused).says(&["run `merotee probe cleanup --out out` first"]);
    std::fs::remove_file(place.path("out/probe-report.md")).unwrap();
    let cleanup = ["probe", "cleanup", "--out", "out"];
    place.merotee(cleanup).envs(world.exports()).run().expect(0).says(&["no machine was made"]);
    place.merotee(cleanup).envs(world.exports()).run().expect(0).says(&["everything is gone"]);
    probe(&place, &world, "out", &[]).expect(0);
    assert!(leftovers(&world).is_empty());
}

#[test]
fn a_journal_that_makes_no_sense_or_names_what_is_no_probes_is_refused() {
    let place = Place::new();
    std::fs::create_dir(place.path("out")).unwrap();
    for (text, said) in [
        ("nonsense\n".to_owned(), "line 1"),
        ("{\"v\":9}\n".to_owned(), "version 9"),
        (
            "{\"v\":1,\"at\":\"2026-11-30T09:10:04Z\",\"record\":{\"intent\":{\"cloud\":\"phala\",\"kind\":\"machine\",\"name\":\
             \"production\",\"label\":\"x\",\"request\":\"07070707-0707-4707-8707-070707070707\"}}}\n"
                .to_owned(),
            "not the name of something that a probe makes",
        ),
    ] {
        place.write("out/probe-journal.jsonl", text);
        place.merotee(["probe", "cleanup", "--out", "out"]).run().expect(1).says(&[said]);
    }
    place.merotee(["probe", "cleanup", "--out", "nowhere"]).run().expect(1).says(&["there is no folder"]);
    std::fs::create_dir(place.path("empty")).unwrap();
    let run = place.merotee(["probe", "cleanup", "--out", "empty"]).run().expect(1);
    run.says(&["no probe-journal.jsonl in empty", "check --out, or search the account with --label LABEL"]);
    place.merotee(["probe", "cleanup", "--out", "empty", "--dry-run"]).run().expect(1);
    place.merotee(["probe", "cleanup"]).run().expect(2);
    place.merotee(["probe", "cleanup", "--label", "x"]).run().expect(2).says(&["no cloud account to search"]);
}
