//! Arguments of `dstack compose`.

use std::{path::PathBuf, str::FromStr};

use clap::{ArgGroup, Args};

use crate::dstack::kms_deploy::{Address, Contract, Domain, IMAGE_URL, ImageAddress, PCCS_URL};

/// Arguments of `dstack compose`.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("source").required(true).args(["image", "docker_compose"]))]
pub struct ComposeArgs {
    /// Image of the KMS, by its digest: REGISTRY/NAME@sha256:HEX. A tag can be moved, and is warned about
    #[arg(long, value_name = "IMAGE", requires = "domain", requires = "contract", help_heading = "KMS")]
    pub image: Option<String>,
    /// Registry of the image, where --image does not begin with it
    #[arg(long, value_name = "HOST[:PORT]", requires = "image", help_heading = "KMS")]
    pub registry: Option<String>,
    /// Name by which clients reach the KMS
    #[arg(long, value_name = "DOMAIN", requires = "image", help_heading = "KMS")]
    pub domain: Option<Domain>,
    /// Port it answers on
    #[arg(long, value_name = "PORT", default_value_t = 9100, value_parser = clap::value_parser!(u16).range(1..), help_heading = "KMS")]
    pub port: u16,
    /// Contract that says who may boot
    #[arg(long, value_name = "0xHEX", requires = "image", help_heading = "KMS")]
    pub contract: Option<Contract>,
    /// Chain of the contract, told to the auth API as ETH_CHAIN_ID: mainnet, sepolia, phala or a number [default: the
    /// RPC endpoint's]
    #[arg(long, value_name = "CHAIN", requires = "image", help_heading = "KMS")]
    pub chain: Option<Chain>,
    /// RPC endpoint of the chain; not one with a key in its address: the file is public [default: a public one, for
    /// --chain sepolia]
    #[arg(long, value_name = "URL", requires = "image", help_heading = "KMS")]
    pub rpc_url: Option<Address>,
    /// PCCS that the KMS asks for Intel's collateral
    #[arg(long, value_name = "URL", default_value = PCCS_URL, help_heading = "KMS")]
    pub kms_pccs_url: Address,
    /// Where the KMS downloads OS images to measure them; {OS_IMAGE_HASH} stands for the hash
    #[arg(long, value_name = "URL", default_value = IMAGE_URL, help_heading = "KMS")]
    pub os_image_url: ImageAddress,
    /// Compose file to use as it is, instead of one from the options above
    #[arg(long, value_name = "FILE|-")]
    pub docker_compose: Option<PathBuf>,
    /// Name of the application
    #[arg(long, value_name = "NAME", default_value = "kms")]
    pub name: String,
    /// Let the machine measure no id of its own. With an id, mr_aggregated is another at every deployment, and the
    /// allow-list must follow each time
    #[arg(long)]
    pub no_instance_id: bool,
    /// Let anyone read the logs
    #[arg(long)]
    pub public_logs: bool,
    /// Let anyone read the state of the machine
    #[arg(long)]
    pub public_sysinfo: bool,
    /// Refused: a machine that waits for secure time hangs while it boots
    #[arg(long)]
    pub secure_time: bool,
    /// Folder for docker-compose.yaml and app-compose.json; it is made where there is none
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub out: PathBuf,
    /// Replace files that say something else
    #[arg(long)]
    pub replace: bool,
    /// Print what would be written, and write nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// A chain, by name or number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chain(pub u64);

impl Chain {
    /// Sepolia, the test network.
    pub const SEPOLIA: Self = Self(11_155_111);
}

impl FromStr for Chain {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "mainnet" => Ok(Self(1)),
            "sepolia" => Ok(Self::SEPOLIA),
            "phala" => Ok(Self(2035)),
            number => match number.parse() {
                Ok(id) if id > 0 && number.bytes().all(|b| b.is_ascii_digit()) => Ok(Self(id)),
                _ => Err("expected mainnet, sepolia, phala or a chain's number"),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_is_known_by_name_and_by_number() {
        for (text, id) in [("mainnet", 1), ("sepolia", 11_155_111), ("phala", 2035), ("8453", 8453)] {
            assert_eq!(text.parse(), Ok(Chain(id)), "{text}");
        }
        for bad in ["", "0", "+1", "-1", "0x1", "Sepolia", "1.0", "99999999999999999999999"] {
            assert!(bad.parse::<Chain>().is_err(), "{bad}");
        }
    }
}
