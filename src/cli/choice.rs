//! Values that are known by name: shells complete them, and where no other value makes sense the parser takes no other.

use clap::{
    Arg, Command, ValueEnum,
    builder::{PossibleValue, PossibleValuesParser, Resettable, TypedValueParser},
    error::Result,
};

use semver::Version;

use crate::subject::{
    profile::Profile,
    tag::{Class, Family, Selector, Tag},
};

/// Why a value is refused. What type it has decides what is advised.
pub(super) type Refused = Box<dyn std::error::Error + Send + Sync>;

/// A value by its name. The help of the values is left out: it would make all of `--help` three times as long.
pub(super) fn named<T: ValueEnum + Clone + Send + Sync + 'static>() -> impl TypedValueParser<Value = T> {
    let values = T::value_variants().iter().filter_map(ValueEnum::to_possible_value);
    PossibleValuesParser::new(values.map(|value| value.help(Resettable::Reset)))
        .try_map(|word| T::from_str(&word, false))
}

/// A profile by its name.
pub(super) fn profile() -> impl TypedValueParser<Value = Profile> {
    PossibleValuesParser::new(Profile::ALL.map(Profile::as_str)).try_map(|word| word.parse::<Profile>())
}

/// A class of releases by its name.
pub(super) fn class() -> impl TypedValueParser<Value = Class> {
    let named = |word: &str| Class::ALL.into_iter().find(|class| class.name() == word);
    PossibleValuesParser::new(Class::ALL.map(Class::name))
        .try_map(move |word| named(&word).ok_or("not a class of releases"))
}

/// A family of releases by its name.
pub(super) fn family() -> impl TypedValueParser<Value = Family> {
    let named = |word: &str| Family::ALL.into_iter().find(|family| family.role() == word);
    PossibleValuesParser::new(Family::ALL.map(Family::role))
        .try_map(move |word| named(&word).ok_or("not a family of releases"))
}

/// A version, without a `v`.
pub(super) fn version(text: &str) -> std::result::Result<Version, &'static str> {
    text.parse().map_err(|_| "expected a version such as 1.2.0")
}

/// A tag, or a bare version.
pub(super) fn selector() -> impl TypedValueParser<Value = Selector> {
    tag(|text: &str| text.parse::<Selector>())
}

/// A tag of either family.
pub(super) fn any_tag() -> impl TypedValueParser<Value = Tag> {
    tag(|text: &str| text.parse::<Tag>())
}

/// What `parser` reads; a shell completes what tags begin with.
pub(super) fn tag<P: TypedValueParser>(parser: P) -> Suggesting<P> {
    suggesting(Family::ALL.map(Family::tag_prefix), parser)
}

/// What `parser` reads; a shell completes these words.
pub(super) fn suggesting<P>(words: impl IntoIterator<Item = &'static str>, parser: P) -> Suggesting<P> {
    Suggesting { words: words.into_iter().collect(), parser }
}

/// A parser with words to complete. It is the inner one that decides what is taken.
#[derive(Clone)]
pub(super) struct Suggesting<P> {
    words: Vec<&'static str>,
    parser: P,
}

impl<P: TypedValueParser> TypedValueParser for Suggesting<P> {
    type Value = P::Value;

    fn parse_ref(&self, command: &Command, arg: Option<&Arg>, value: &std::ffi::OsStr) -> Result<Self::Value> {
        self.parser.parse_ref(command, arg, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(self.words.iter().map(|word| PossibleValue::new(*word))))
    }
}

/// A tag of a KMS release; a bare version means one.
pub(super) fn kms_tag(text: &str) -> Result<Tag, Refused> {
    tag_of(text, Family::Kms)
}

/// A tag of a node release; a bare version means one.
pub(super) fn node_tag(text: &str) -> Result<Tag, Refused> {
    tag_of(text, Family::Node)
}

/// A tag of `family`; a bare version means the family's tag.
fn tag_of(text: &str, family: Family) -> Result<Tag, Refused> {
    match text.parse::<Selector>().map_err(|e| e.of(family))? {
        Selector::One(tag) if tag.family() == family => Ok(tag),
        Selector::One(tag) => Err(format!("`{tag}` is not a release of the {family} family").into()),
        Selector::Both(version) => Ok(Tag::new(family, version)),
    }
}
