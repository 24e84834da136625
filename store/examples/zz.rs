use mizan_core::*; use mizan_store::*; use std::time::Instant; use std::io::{Write,Seek};
fn main(){
  let dir=tempfile::tempdir_in("/tmp").unwrap();
  let t=|n:&str,s:Instant,c:u64|{let e=s.elapsed().as_secs_f64(); println!("{n}: {:.3}s {:.0}/s",e,c as f64/e);};
  // raw prealloc
  let mut f=std::fs::File::create(dir.path().join("raw")).unwrap(); f.write_all(&vec![0;16<<20]).unwrap(); f.sync_all().unwrap(); f.seek(std::io::SeekFrom::Start(0)).unwrap();
  let ev=vec![7u8;1000]; let n=4000;
  for round in 0..2 {
  f.seek(std::io::SeekFrom::Start(0)).unwrap();
  let s=Instant::now(); for _ in 0..n {f.write_all(&ev).unwrap(); f.sync_data().unwrap();} t("raw 1",s,n);
  let p=dir.path().join(format!("log{round}"));
  let (mut log,_)=SledLog::open(&p).unwrap();
  let s=Instant::now(); for i in 0..n { log.append(Seq(i),&Batch::of_events([ev.clone()])).unwrap(); } t("append 1",s,n);
  }
  let p=dir.path().join("log0"); let (mut log,_)=SledLog::open(&p).unwrap();
  for batch in [100u64,1000] { let total=200_000; let s=Instant::now(); let mut h=log.head().0; let b=Batch::of_events((0..batch).map(|_|ev.clone()));
    for _ in 0..total/batch { h=log.append(Seq(h),&b).unwrap().0; } t(&format!("append {batch}"),s,total); }
  drop(log);
  let p=dir.path().join("big");
  let s=Instant::now(); let (mut log,_)=SledLog::open(&p).unwrap();
  for i in 0..1000u64 { let events=(0..1000u64).map(|j|{let mut v=vec![0u8;200]; v[..8].copy_from_slice(&(i*1000+j).to_le_bytes()); v}).collect();
    let bodies=(0..1000u64).map(|j|{let mut v=vec![9u8;800]; v[..8].copy_from_slice(&(i*1000+j).to_le_bytes()); (ContentHash::of("x",&v[..8]),v)}).collect();
    log.append(log.head(),&Batch{events,bodies}).unwrap(); }
  t("1M events+bodies append",s,1_000_000);
  let s=Instant::now(); drop(log); t("close",s,1);
  let s=Instant::now(); let (log,r)=SledLog::open(&p).unwrap(); t("open 1M",s,1); println!("{r:?}");
  let s=Instant::now(); drop(log); t("close",s,1);
  let s=Instant::now(); let (log,r)=SledLog::open(&p).unwrap(); t("open 1M again",s,1); println!("{r:?}");
  let s=Instant::now(); let mut c=0u64; log.scan(Seq(0),&mut |_,e|{c+=e[0] as u64;Ok(())}).unwrap(); t("scan",s,1_000_000);
  let s=Instant::now(); log.scan(Seq(999_000),&mut |_,e|{c+=e[0] as u64;Ok(())}).unwrap(); t("scan tail",s,1000);
  let s=Instant::now(); for i in 0..10000u64 {c+=log.read(Seq(i*97%1000000+1)).unwrap().unwrap().len() as u64;} t("read",s,10000);
  let s=Instant::now(); for i in 0..10000u64 {let h=ContentHash::of("x",&(i*97%1000000).to_le_bytes()); c+=log.body(&h).unwrap().unwrap().len() as u64;} t("body",s,10000);
  println!("{}",std::fs::read_to_string("/proc/self/status").unwrap().lines().filter(|l|l.starts_with("VmRSS")).collect::<String>());
  drop(log);
  let s=Instant::now(); let r=rebuild(&p).unwrap(); t("rebuild",s,1_000_000); println!("{} {}",r.frames,r.events);
  std::fs::remove_dir_all(&r.suspect.unwrap()).unwrap();
  std::fs::remove_dir_all(p.join("sled")).unwrap();
  let s=Instant::now(); let (_l,_r)=SledLog::open(&p).unwrap(); t("open w/ rebuild",s,1_000_000);
  println!("{c}");
}
