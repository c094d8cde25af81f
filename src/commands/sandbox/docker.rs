//! `sandbox docker`: hands words on to the Docker of a sandbox, and tells its answer as `docker` would.

use crate::{
    cli::DockerArgs,
    context::Context,
    error::{Error, Result},
    product::Product,
    sandbox::docker::{Told, ask},
};

pub(super) async fn run(args: &DockerArgs, context: &Context) -> Result<Product> {
    let said = ask(&args.url, &Told { words: args.words.clone(), folder: context.folder.clone() }).await?;
    if said.done {
        return Ok(Product::bytes(said.text));
    }
    Err(Error::remote(said.text.trim_end().to_owned()))
}
