import sys,time
from programs_of import *
from rig import Rig
from samples import payload
import findings
SERVERS={"hl7":lambda e: python_program("hl7_server.py",e),"hl7apy":lambda e: python_program("hl7apy_server.py",e),"node":lambda e: node_program("server.cjs",e)}
def ex(peer,name,enc,ids=("M1",),mode="feed",size=0,server=None):
    t=time.time()
    sent=[payload(i,enc,size=size) for i in ids]
    with running(SERVERS[peer](server or enc)) as p:
        port=p.port(); t1=time.time()
        with Rig() as rig:
            if mode=="burst": rig.burst(port,sent)
            else: out=rig.send(port,sent,bytewise=mode=="bytewise"); print(out)
            rig.trace.wait(lambda: False, 0.1)
            said=p.rest()
            got=findings.of_server(name,sent,rig,said)
            for g in sorted(got): print("  ",peer,g)
            print("   said",said,[r["event"]+" "+r["reason"] for r in rig._of_kind("link")])
            for m in rig.messages("peer")[:1]: print("   ", findings.unpack(m["raw"]))
    print(f"   {time.time()-t:.2f} start {t1-t:.2f}")
for peer in sys.argv[1:]:
    ex(peer,"utf8","utf-8")
    ex(peer,"gbk","gbk")
    ex(peer,"default","utf-8",server="-")
    ex(peer,"several","utf-8",ids=["M1","M2","M3"])
    ex(peer,"pipelined","utf-8",ids=["M1","M2","M3"],mode="burst")
    ex(peer,"bytewise","utf-8",mode="bytewise")
    ex(peer,"large","utf-8",size=70000)
