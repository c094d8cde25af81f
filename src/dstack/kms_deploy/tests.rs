//! What may be written into the compose file, and what the file then is.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::{judge::entries, *};
use crate::{report::Status, yaml::Tree};

fn deploy() -> KmsDeploy {
    KmsDeploy {
        image: "registry.example.com/dstack-kms:fixed".parse().unwrap(),
        domain: "kms.example.com".parse().unwrap(),
        port: 9100,
        contract: "0x00000000000000000000000000000000000000aB".parse().unwrap(),
        chain_id: None,
        rpc_url: "https://ethereum-sepolia-rpc.publicnode.com".parse().unwrap(),
        pccs_url: PCCS_URL.parse().unwrap(),
        image_url: IMAGE_URL.parse().unwrap(),
    }
}

#[test]
fn the_file_has_every_value_where_the_kms_looks_for_it() {
    let text = deploy().compose_file();
    for line in [
        "    image: registry.example.com/dstack-kms:fixed\n",
        "      - \"9100:9100\"\n",
        "      - KMS_DOMAIN=kms.example.com\n      - PORT=9200\n      - ETH_RPC_URL=https://ethereum-sepolia-rpc.publicnode.com\n",
        "      - KMS_CONTRACT_ADDR=0x00000000000000000000000000000000000000aB\n",
        "      auto_bootstrap_domain = \"\"\n",
        "      download_url = \"https://download.dstack.org/os-images/mr_{OS_IMAGE_HASH}.tar.gz\"\n",
    ] {
        assert!(text.contains(line), "{line}{text}");
    }
    assert!(!text.contains("ETH_CHAIN_ID"));
    let chosen = KmsDeploy { chain_id: Some(2035), port: 443, ..deploy() };
    assert!(chosen.compose_file().contains("      - ETH_CHAIN_ID=2035\n      - KMS_CONTRACT_ADDR="));
    assert!(chosen.kms_toml().contains("port = 443") && !chosen.kms_toml().contains("9100"));
}

#[test]
fn the_file_is_yaml_and_the_configuration_in_it_toml() {
    let text = deploy().compose_file();
    let tree = Tree::parse(&text).unwrap();
    let find = |path: &[&str]| {
        let root = tree.roots().to_vec();
        let of =
            path.iter().fold(root, |at, key| at.into_iter().flat_map(|id| entries(&tree, id, Some(key))).collect());
        of.first().and_then(|id| tree.text(*id)).unwrap_or_default().to_owned()
    };
    assert_eq!(find(&["configs", "kms_config", "content"]), deploy().kms_toml());
    let toml: toml_edit::DocumentMut = deploy().kms_toml().parse().unwrap();
    let port = toml.get("core").and_then(|core| core.get("onboard")).and_then(|onboard| onboard.get("port"));
    assert_eq!(port.and_then(toml_edit::Item::as_integer), Some(9100));
}

#[test]
fn values_that_could_end_their_place_are_refused() {
    for bad in [
        "",
        "https://a/\"",
        "https://a/$X",
        "https://a/ b",
        "https://a/\nb",
        "ftp://a",
        "a",
        "https://a/\\",
        "file:///x",
    ] {
        assert!(bad.parse::<Address>().is_err(), "{bad:?}");
        let with_hash = format!("{bad}{{OS_IMAGE_HASH}}");
        assert!(with_hash.parse::<ImageAddress>().is_err(), "{with_hash:?}");
    }
    for bad in ["https://a/x.tar.gz", "https://a/{OS_IMAGE_HASH}/{OS_IMAGE_HASH}"] {
        assert!(bad.parse::<ImageAddress>().is_err(), "{bad}");
    }
    for bad in
        ["", ".", "a..b", "-a.b", "a-.b", "a_b.c", "a b", "a.b.", "é.example", &"a".repeat(64), &"a.".repeat(127)]
    {
        assert!(bad.parse::<Domain>().is_err(), "{bad}");
    }
    for bad in ["", "0x", "0x1", &"0".repeat(42), &format!("0x{}", "g".repeat(40)), &format!("0X{}", "0".repeat(40))] {
        assert!(bad.parse::<Contract>().is_err(), "{bad}");
    }
    let digest = "0".repeat(64);
    for good in [
        format!("registry.example.com/dstack-kms@sha256:{digest}"),
        format!("localhost:5000/a/b-c.d:v1.2_3@sha256:{digest}"),
        "ghcr.io/dstack-tee/dstack-kms:0.5.7".to_owned(),
    ] {
        let image: ImageReference = good.parse().unwrap();
        assert_eq!((image.to_string(), image.digest().is_some()), (good.clone(), good.contains('@')));
    }
    for bad in
        ["", "kms", "a/b c", "a/b:", "a/b@sha256:12", "a/$b", "A/b", "a//b", "a/b:x\ny", "a:x/b", "a/b#c", "-a/b"]
    {
        assert!(bad.parse::<ImageReference>().is_err(), "{bad:?}");
    }
}

#[test]
fn a_tag_and_an_address_with_a_key_are_warned_about() {
    let statuses = |deploy: &KmsDeploy| deploy.judge("x").into_iter().map(|f| f.status).collect::<Vec<_>>();
    assert_eq!(statuses(&deploy()), [Status::Warn, Status::Pass]);
    let pinned = format!("a.example/b@sha256:{}", "0".repeat(64));
    for url in [
        "https://user@rpc.example",
        "https://u:p@rpc.example",
        "https://rpc.example/?key",
        "https://rpc.example/v3/0123456789abcdef0123456789abcdef",
        "https://rpc.example/v2/aB3-x_9aB3-x_9aB3",
    ] {
        let deploy = KmsDeploy { image: pinned.parse().unwrap(), rpc_url: url.parse().unwrap(), ..deploy() };
        assert_eq!(statuses(&deploy), [Status::Pass, Status::Warn], "{url}");
    }
}

#[test]
fn every_image_of_a_file_that_is_given_is_looked_at() {
    let digest = "0".repeat(64);
    let text =
        format!("services:\n  a: &a\n    image: r.example/a@sha256:{digest}\n  b: {{image: r.example/b:x}}\n  c: *a\n");
    let statuses: Vec<_> = judge_compose("f", &text).unwrap().into_iter().map(|f| f.status).collect();
    assert_eq!(statuses, [Status::Pass, Status::Warn, Status::Pass, Status::Pass]);
    for none in ["services: {}", "image: x/y:z", "- services", ""] {
        let statuses: Vec<_> = judge_compose("f", none).unwrap().into_iter().map(|f| f.status).collect();
        assert_eq!(statuses, [Status::SkippedRequired], "{none}");
    }
    assert!(judge_compose("f", "a: [").is_err());
}

#[test]
fn what_the_variables_and_configurations_of_a_given_file_show_is_warned_about() {
    let image = format!("    image: r.example/a@sha256:{}\n", "0".repeat(64));
    let warned = |rest: &str| {
        let text = format!("services:\n  a:\n{image}{rest}");
        let findings = judge_compose("f", &text).unwrap();
        findings
            .into_iter()
            .filter(|f| f.check == PUBLIC.id && f.status == Status::Warn)
            .map(|f| f.message)
            .collect::<Vec<_>>()
    };
    let key = "0123456789abcdef0123456789abcdef";
    assert_eq!(warned("    environment:\n      - RUST_LOG=info\n      - ETH_RPC_URL=https://rpc.example\n"), [""; 0]);
    assert_eq!(warned("    environment:\n      - API_KEY\n      - A_TOKEN=${A_TOKEN}\n"), [""; 0]);
    let said = "the address in ETH_RPC_URL has a part that looks like a key in it";
    assert_eq!(warned(&format!("    environment:\n      - ETH_RPC_URL=https://rpc.example/v3/{key}\n")), [said]);
    assert_eq!(warned(&format!("    environment:\n      ETH_RPC_URL: https://rpc.example/v3/{key}\n")), [said]);
    let said = "the variable db_password has a value, and its name says that it is secret";
    assert_eq!(warned("    environment: {db_password: x}\n"), [said]);
    let config = "configs:\n  c:\n    content: |\n      url = \"https://u:p@rpc.example\"\n";
    assert_eq!(warned(config), ["a config has an address with a user name or password in it"]);
}
