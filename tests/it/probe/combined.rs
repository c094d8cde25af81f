//! `probe combine`, on probes that were really made.

use super::{RELEASE, json};
use crate::binary::Place;

#[test]
fn two_probes_become_one_set_whose_unstable_register_is_named_and_gen_policy_takes_it() {
    let place = Place::new();
    for out in ["one", "two"] {
        let words = ["probe", "run", RELEASE, "--family", "kms", "--profile", "debug", "--label", out, "--out", out];
        place.sandbox(words).run().expect(0);
    }
    let combine = |out: &str, options: &[&str]| {
        place.merotee(["probe", "combine", "one", "two", "--out", out]).args(options).run()
    };
    combine("both", &[]).expect(0).says(&["RTMR3 is unstable", "instance-id"]);
    let set = json(&place, "both/measurement-policy-candidates.json");
    assert_eq!(set["source"]["unstable"], serde_json::json!(["rtmr3"]));
    assert_eq!(set["policy"]["allowed_rtmr3"].as_array().unwrap().len(), 2);
    combine("strict", &["--strict"]).expect(10).says(&["nothing was written"]);
    assert!(!place.path("strict").exists());
    place.merotee(["probe", "combine", "one", "one", "--out", "x"]).run().expect(10).says(&["the same probe"]);
    // The same probes give the same bytes, in whichever order.
    place.merotee(["probe", "combine", "two", "one", "--out", "again"]).run().expect(0);
    let name = "measurement-policy-candidates.json";
    assert_eq!(place.read(format!("both/{name}").as_str()), place.read(format!("again/{name}").as_str()));
}
