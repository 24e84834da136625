//! `mizan demo`: the whole story on this machine.

use crate::Failure;
use crate::args::Demo;
use crate::demo::tell;

pub(crate) fn run(args: &Demo, json: bool) -> Result<u8, Failure> {
    let folder = tempfile::Builder::new().prefix("mizan-demo-").tempdir()?;
    let runtime = tokio::runtime::Runtime::new()?;
    let summary = runtime.block_on(tell(folder.path(), json))?;
    if json {
        println!("{}", serde_json::to_string(&summary)?);
    }
    if args.keep {
        let path = folder.keep();
        if !json {
            println!(
                "\nkept in {}; look around with: mizan --config {}/mizan.toml log",
                path.display(),
                path.display()
            );
        }
    } else if !json {
        println!("\nrun it with --keep to look around in the log, the files and the configuration");
    }
    Ok(0)
}
