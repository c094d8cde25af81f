//! The machines of an account, page by page, as far as their names begin as asked.

use serde::Deserialize;
use serde_json::Value;

use super::{Listed, Phala};
use crate::{
    adapters::http::Request,
    error::{Error, Result},
};

/// Machines on a page.
const PAGE: usize = 50;
/// Pages read: an account with more machines than fit has other troubles, and a list without end is none.
const MAX_PAGES: usize = 200;

#[derive(Deserialize)]
struct Page {
    items: Vec<Value>,
    #[serde(default)]
    pages: Option<usize>,
}

impl Phala {
    /// The machines whose names begin with `prefix`, in the order of the list.
    ///
    /// # Errors
    /// Remote: every failure of the API; a list that does not end.
    pub async fn named(&self, prefix: &str) -> Result<Vec<Listed>> {
        const SUBJECT: &str = "the list of machines";
        let (mut found, mut seen) = (Vec::<Listed>::new(), 0);
        for number in 1..=MAX_PAGES {
            let mut url = self.endpoint(&["cvms", "paginated"])?;
            url.query_pairs_mut().append_pair("page", &number.to_string()).append_pair("page_size", &PAGE.to_string());
            let request = Request::get(&url, "application/json");
            let page: Page = self.fetch(&request, SUBJECT).await?.ok_or_else(|| self.absent(SUBJECT))?;
            seen += page.items.len();
            let last = page.items.is_empty() || page.pages.is_some_and(|pages| number >= pages);
            for item in page.items {
                // What bears another name is not asked for, in whatever form it is.
                if item.get("name").and_then(Value::as_str).is_some_and(|name| !name.starts_with(prefix)) {
                    continue;
                }
                let item = Listed::deserialize(item).map_err(|e| self.unexpected(SUBJECT, &e))?;
                // A machine made or deleted meanwhile moves others to the next page or the one before.
                if !found.contains(&item) {
                    found.push(item);
                }
            }
            if last {
                return Ok(found);
            }
        }
        Err(Error::remote(format!("{} lists more than {seen} machines, and does not end", self.host())))
    }
}
