//! `mizan bundle`: a log without anybody's data.

use super::export::whole_file;
use crate::Failure;
use crate::args::{Bundle, Cli};
use crate::output::{load, look, record_named};
use mizan::bundle::{Slice, bundle, redacted_config};
use mizan::core::Seq;
use mizan::store::export_with_config;
use serde_json::json;
use std::io::BufWriter;

pub(crate) fn run(args: &Bundle, cli: &Cli) -> Result<u8, Failure> {
    let config = load(&cli.config)?;
    let text = std::fs::read_to_string(&cli.config)?;
    let text = redacted_config(&text)
        .ok_or_else(|| Failure::usage(format!("{} is not TOML", cli.config.display())))?;
    let look = look(&config)?;
    let named = args.records.iter().map(|text| record_named(&look, text));
    let slice = Slice { records: named.collect::<Result<_, _>>()?, to: args.to.map(Seq) };
    let made = bundle(&look.journal, &slice)?;
    let done = whole_file(&args.out, &mut |out| {
        let mut out = BufWriter::new(out);
        Ok(export_with_config(&made.log, text.clone(), &mut out, &mut |_| ())?)
    })?;
    if cli.json {
        let records: Vec<_> = made.records.iter().zip(0_u32..).collect();
        let records: Vec<_> = records
            .iter()
            .map(|(was, is)| json!({ "here": was.to_string(), "in_bundle": format!("r{is}") }))
            .collect();
        println!(
            "{}",
            json!({ "file": args.out, "events": done.events, "bodies": done.bodies, "records": records })
        );
        return Ok(0);
    }
    println!(
        "{} events about {} records are in {}, under pseudonyms",
        done.events,
        made.records.len(),
        args.out.display()
    );
    for (was, is) in made.records.iter().zip(0_u32..).take(20) {
        println!("  {was} is r{is} there");
    }
    if made.records.len() > 20 {
        println!("  and so on; --json lists all");
    }
    println!("to look at it: mizan import {} --store FOLDER", args.out.display());
    println!("then: mizan replay --config FOLDER/mizan.toml");
    Ok(0)
}
