//! Who contributed: each person once, and programs apart from people.

use std::collections::{BTreeMap, HashMap};

use super::commit::Person;

/// Accounts of programs that do not say so in their name.
const PROGRAMS: [&str; 6] = ["dependabot", "renovate", "renovate-bot", "github-actions", "mergify", "github"];

/// Contributors, by name.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Contributors {
    /// People.
    pub people: Vec<String>,
    /// Programs.
    pub programs: Vec<String>,
}

/// Each contributor once: entries with the same address, or with the same name, are one. Sorted by name.
pub fn contributors<'p>(named: impl Iterator<Item = &'p Person>) -> Contributors {
    let mut by_address: HashMap<String, String> = HashMap::new();
    let mut found: BTreeMap<String, (String, bool)> = BTreeMap::new();
    for person in named {
        let name = if person.name.trim().is_empty() { "unknown" } else { person.name.trim() };
        let address = person.email.to_lowercase();
        let key = name.to_lowercase();
        // The name that an address came with first is the one it is listed under.
        let key = if address.is_empty() { key } else { by_address.entry(address).or_insert(key).clone() };
        found.entry(key).or_insert_with(|| (name.to_owned(), is_program(person)));
    }
    let (programs, people): (Vec<_>, Vec<_>) = found.into_values().partition(|(_, program)| *program);
    let names = |of: Vec<(String, bool)>| of.into_iter().map(|(name, _)| name).collect();
    Contributors { people: names(people), programs: names(programs) }
}

fn is_program(person: &Person) -> bool {
    let account = person.email.split('@').next().unwrap_or_default();
    let name = person.name.trim().to_lowercase();
    name.ends_with("[bot]") || account.to_lowercase().ends_with("[bot]") || PROGRAMS.contains(&name.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(entries: &[(&str, &str)]) -> Contributors {
        let people: Vec<Person> =
            entries.iter().map(|(name, email)| Person { name: (*name).into(), email: (*email).into() }).collect();
        contributors(people.iter())
    }

    #[test]
    fn each_person_is_named_once_whichever_address_or_spelling_they_used() {
        let found = named(&[
            ("Grace Hopper", "grace@navy.example"),
            ("Ada Lovelace", "ada@example.org"),
            ("ada lovelace", "ADA@EXAMPLE.org"),
            ("Ada Lovelace", "1+ada@users.noreply.github.com"),
            ("A. Lovelace", "ada@example.org"),
            ("", "nobody@example.org"),
            ("Same Address", ""),
            ("Other Name", ""),
        ]);
        assert_eq!(found.people, ["Ada Lovelace", "Grace Hopper", "Other Name", "Same Address", "unknown"]);
        assert_eq!(found.programs, [""; 0]);
    }

    #[test]
    fn programs_stand_apart_by_the_name_or_the_address_of_their_account() {
        let found = named(&[
            ("dependabot[bot]", "49699333+dependabot[bot]@users.noreply.github.com"),
            ("Renovate", "bot@renovateapp.com"),
            ("release", "41898282+github-actions[bot]@users.noreply.github.com"),
            ("Robot Fan", "fan@bot.example"),
        ]);
        assert_eq!(found.programs, ["dependabot[bot]", "release", "Renovate"]);
        assert_eq!(found.people, ["Robot Fan"]);
    }
}
