"""More wrong rewrites: the ones that people, models and peephole rules really make."""

from __future__ import annotations

from pathlib import Path

import pytest
from verifying import QUICK, body, compiled, job_for, verdict

from superopt_cc.types import Reason
from superopt_cc.verify.engine import Verifier

# (what is wrong, gcc's source, the rewrite's source)
WRONG = [
    (
        "beyond 500 elements",
        "int f(const int *a,int n){int s=0;for(int i=0;i<n;i++)s+=a[i];return s;}",
        "int f(const int *a,int n){int s=0;for(int i=0;i<n;i++)s+=a[i];if(n>500)s++;return s;}",
    ),
    (
        "for one length modulo 64",
        "int f(const int *a,int n){int s=0;for(int i=0;i<n;i++)s+=a[i];return s;}",
        "int f(const int *a,int n){int s=0;for(int "
        "i=0;i<n;i++)s+=a[i];if((n&63)==63)s++;return s;}",
    ),
    (
        "saturates on the wrong side",
        "int f(int a,int b){long s=(long)a+b; if(s>2147483647)return 2147483647; "
        "if(s<-2147483648L)return -2147483648; return s;}",
        "int f(int a,int b){int s=(int)((unsigned)a+b); if(a>0&&b>0&&s<0)return "
        "2147483647; if(a<0&&b<0&&s>0)return (-2147483647-1); return s;}",
    ),
    (
        "average that overflows",
        "unsigned f(unsigned a,unsigned b){return ((unsigned long)a+b)>>1;}",
        "unsigned f(unsigned a,unsigned b){return (a+b)>>1;}",
    ),
    (
        "shift for a signed division",
        "int f(int x){return x/8;}",
        "int f(int x){return x>>3;}",
    ),
    (
        "last match for first",
        "const char*f(const char*p,char c,unsigned long n){for(unsigned long "
        "i=0;i<n;i++)if(p[i]==c)return p+i;return 0;}",
        "const char*f(const char*p,char c,unsigned long n){const char*r=0;for(unsigned "
        "long i=0;i<n;i++)if(p[i]==c)r=p+i;return r;}",
    ),
    (
        "linear for binary search",
        "int f(const int*a,int n,int k){int l=0,h=n-1;while(l<=h){int "
        "m=(l+h)/2;if(a[m]==k)return m;if(a[m]<k)l=m+1;else h=m-1;}return -1;}",
        "int f(const int*a,int n,int k){for(int i=0;i<n;i++)if(a[i]==k)return i;return -1;}",
    ),
    (
        "compares signed characters",
        "int f(const char*a,const char*b){while(*a&&*a==*b){a++;b++;}return (unsigned "
        "char)*a-(unsigned char)*b;}",
        "int f(const char*a,const char*b){while(*a&&*a==*b){a++;b++;}return *a-*b;}",
    ),
    (
        "an unstable sort",
        "struct p{int k;int v;};void f(struct p*a,int n){for(int i=1;i<n;i++){struct p "
        "v=a[i];int j=i-1;while(j>=0&&a[j].k>v.k){a[j+1]=a[j];j--;}a[j+1]=v;}}",
        "struct p{int k;int v;};void f(struct p*a,int n){for(int i=1;i<n;i++){struct p "
        "v=a[i];int j=i-1;while(j>=0&&a[j].k>=v.k){a[j+1]=a[j];j--;}a[j+1]=v;}}",
    ),
    (
        "forgets the last node",
        "struct n{int v;struct n*next;};int f(struct n*p){int "
        "m=0;while(p){if(p->v>m)m=p->v;p=p->next;}return m;}",
        "struct n{int v;struct n*next;};int f(struct n*p){int "
        "m=0;while(p&&p->next){if(p->v>m)m=p->v;p=p->next;}return m;}",
    ),
    (
        "other operand for NaN",
        "float f(float a,float b){return a>b?a:b;}",
        "float f(float a,float b){return b>a?b:a;}",
    ),
    (
        "sums in another order",
        "float f(const float*a,int n){float s=0;for(int i=0;i<n;i++)s+=a[i];return s;}",
        "float f(const float*a,int n){float s=0,t=0;int "
        "i=0;for(;i+1<n;i+=2){s+=a[i];t+=a[i+1];}if(i<n)s+=a[i];return s+t;}",
    ),
    (
        "shift count unchecked",
        "unsigned f(unsigned x,int n){return n>=32?0:n<0?x:x>>n;}",
        "unsigned f(unsigned x,int n){return x>>n;}",
    ),
    (
        "writes one byte more",
        "void f(char*d,const char*s){while((*d++=*s++));}",
        "void f(char*d,const char*s){while((*d=*s)){d++;s++;} d[1]=0;}",
    ),
    (
        "one value of a global",
        "int g,h; void f(int x){ g=x; h=g+1; }",
        "int g,h; void f(int x){ h=x+1; g=x+(x==77); }",
    ),
    (
        "ignores that a pointer may name a global",
        "int g; int f(int*p,int x){ g=x; *p=x+1; return g; }",
        "int g; int f(int*p,int x){ g=x; *p=x+1; return x; }",
    ),
    (
        "ignores that two pointers may be equal",
        "int f(int*p,int*q){ *p=1; *q=2; return *p; }",
        "int f(int*p,int*q){ *p=1; *q=2; return 1; }",
    ),
    (
        "ignores that char may alias anything",
        "int f(int*p,char*q){ *p=1; *q=2; return *p; }",
        "int f(int*p,char*q){ *p=1; *q=2; return 1; }",
    ),
    (
        "saturates for wrapping",
        "unsigned char f(unsigned char a,unsigned char b){return a+b;}",
        "unsigned char f(unsigned char a,unsigned char b){int s=a+b; return s>255?255:s;}",
    ),
    (
        "reads before a call what the call may change",
        "struct s{int a,b;}; extern void e(struct s*); int f(struct s*p){ p->a=3; e(p);"
        " return p->b; }",
        "struct s{int a,b;}; extern void e(struct s*); int f(struct s*p){ int b=p->b; "
        "p->a=3; e(p); return b; }",
    ),
    (
        "high half without carries",
        "unsigned long f(unsigned long a,unsigned long b){return (unsigned __int128)a*b>>64;}",
        "unsigned long f(unsigned long a,unsigned long b){return (a>>32)*(b>>32);}",
    ),
    (
        "copies backwards",
        "void f(unsigned char*d,const unsigned char*s,unsigned long n){for(unsigned "
        "long i=0;i<n;i++)d[i]=s[i];}",
        "#include <string.h> void f(unsigned char*d,const unsigned char*s,unsigned long"
        " n){ unsigned long i=n; while(i--) d[i]=s[i];}",
    ),
    (
        "one table entry",
        "extern const unsigned char t[256]; int f(unsigned char i){return t[i];}",
        "extern const unsigned char t[256]; int f(unsigned char i){return i==255?0:t[i];}",
    ),
]


@pytest.mark.parametrize(("source", "wrong"), [w[1:] for w in WRONG], ids=[w[0] for w in WRONG])
def test_wrong_rewrite_is_rejected(tmp_path: Path, source: str, wrong: str) -> None:
    with Verifier(job_for(tmp_path, source, "f"), QUICK) as verifier:
        answer = verifier.check(compiled(tmp_path, wrong))
        assert answer.verdict == "rejected", answer
        # The same source under another option is never called wrong.
        other = verifier.check(compiled(tmp_path, source, ("-O1",)))
        assert other.verdict != "rejected" or other.reason in (Reason.COPY, Reason.TIMING), other


def test_read_beyond_a_static_table_is_rejected(tmp_path: Path) -> None:
    source = "static const int T[4] = {9, 8, 7, 6}; int f(unsigned i) { return T[i & 3]; }"
    text = "andl $3, %edi\nleaq T(%rip), %rax\nmovups (%rax,%rdi,4), %xmm0\nmovd %xmm0, %eax\nret"
    answer = verdict(tmp_path, source, "f", body("f", text))
    assert (answer.verdict, answer.reason) == ("rejected", Reason.ACCESS), answer


def test_equal_restrict_pointers_that_are_only_read_are_tried(tmp_path: Path) -> None:
    source = """
    int f(const int *restrict a, const int *restrict b, int n)
    { int s = 0; for (int i = 0; i < n; i++) s += a[i] * b[i]; return s; }
    """
    wrong = """
    int f(const int *restrict a, const int *restrict b, int n)
    { int s = 0; if (a == b && n > 0) return 1;
      for (int i = 0; i < n; i++) s += a[i] * b[i]; return s; }
    """
    answer = verdict(tmp_path, source, "f", compiled(tmp_path, wrong))
    assert (answer.verdict, answer.reason) == ("rejected", Reason.RESULT), answer
