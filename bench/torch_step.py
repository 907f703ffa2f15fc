"""The peer of bench/step.c: the same training steps in PyTorch.

    python3 bench/torch_step.py mlp|cnn|resnet20 THREADS

Channels last, foreach or fused optimizers; run it with tcmalloc preloaded. One
thread: processor time, as bench_step does.
"""
import sys, time, torch, torch.nn as nn
name=sys.argv[1]; threads=int(sys.argv[2]); B=64
torch.set_num_threads(threads)
import os
torch.manual_seed(0)
print(torch.__version__, torch.backends.cpu.get_cpu_capability())
def mlp():
    m=nn.Sequential(nn.Linear(784,256),nn.ReLU(),nn.Linear(256,10)); x=torch.rand(B,784); return m,x,torch.optim.SGD(m.parameters(),lr=0.1,foreach=True)
def cnn():
    m=nn.Sequential(nn.Conv2d(1,32,3,padding=1),nn.ReLU(),nn.MaxPool2d(2),nn.Conv2d(32,64,3,padding=1),nn.ReLU(),nn.MaxPool2d(2),nn.Flatten(),nn.Linear(3136,128),nn.ReLU(),nn.Dropout(0.5),nn.Linear(128,10))
    x=torch.rand(B,1,28,28); m=m.to(memory_format=torch.channels_last); x=x.to(memory_format=torch.channels_last)
    return m,x,torch.optim.Adam(m.parameters(),lr=0.001,fused=True)
class Block(nn.Module):
    def __init__(s,i,o,st):
        super().__init__()
        s.body=nn.Sequential(nn.Conv2d(i,o,3,st,1,bias=False),nn.BatchNorm2d(o),nn.ReLU(),nn.Conv2d(o,o,3,1,1,bias=False),nn.BatchNorm2d(o))
        s.sc=nn.Sequential(nn.Conv2d(i,o,1,st,bias=False),nn.BatchNorm2d(o)) if st!=1 else nn.Identity()
        s.r=nn.ReLU()
    def forward(s,x): return s.r(s.body(x)+s.sc(x))
def resnet20():
    L=[nn.Conv2d(3,16,3,padding=1,bias=False),nn.BatchNorm2d(16),nn.ReLU()]
    c=16
    for st in range(3):
        for i in range(3):
            o=16<<st; L.append(Block(c,o,2 if st and i==0 else 1)); c=o
    L+=[nn.AdaptiveAvgPool2d(1),nn.Flatten(),nn.Linear(64,10)]
    m=nn.Sequential(*L).to(memory_format=torch.channels_last); x=torch.rand(B,3,32,32).to(memory_format=torch.channels_last)
    return m,x,torch.optim.SGD(m.parameters(),lr=0.1,momentum=0.9,foreach=True)
m,x,opt=globals()[name](); y=torch.arange(B)%10
lf=nn.CrossEntropyLoss()
def step():
    opt.zero_grad(set_to_none=True); l=lf(m(x),y); l.backward(); opt.step();
for _ in range(10): step()
ts=[]
clk=time.process_time if threads==1 else time.perf_counter
end=time.perf_counter()+3
while time.perf_counter()<end and len(ts)<2000:
    a=clk(); step(); ts.append(clk()-a)
ts.sort(); print(f"{name} {threads} threads: median {1e3*ts[len(ts)//2]:.4f} best {1e3*ts[0]:.4f} ms")
