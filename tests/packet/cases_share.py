# SPDX-License-Identifier: GPL-2.0-only
"""Fair shares when a pod exhausts all slots, or all ports to a destination."""
from cases import BOTH, case, masquerade
from lab import A, B, D, N1, W, W2
from packets import echo, l4, sctp, tcp, udp
from table import Table

PORTS, FLOWS = 16, 64
STATES = ("syn", "established", "reset", "unreplied", "replied", "stream")


def kind(state):
    return "udp" if state in ("unreplied", "replied", "stream") else "tcp"


def flow(lab, family, pod, sport, remote, state):
    """A flow of @pod to port 80 of @remote in that state; its port outside."""
    protocol = kind(state)

    def out(**flags):
        return masquerade(lab, l4(protocol, pod.ip[family], remote, sport, 80, **flags), family,
                          protocol)

    port = out()
    if state not in ("syn", "unreplied"):
        answer = l4(protocol, remote, N1[family], 80, port, answer=True)
        assert lab.from_net(answer).redirects
    if state in ("established", "reset"):
        out(flags="A")
    if state == "reset":
        assert lab.from_net(tcp(remote, N1[family], 80, port, "R")).redirects
    return port


def hold(lab, family, pod, count, state, remote=None):
    """Opens flows of the pod, all to @remote or each to another one. Streams take a while."""
    remotes = [remote or far(family, i) for i in range(count)]
    ports = [flow(lab, family, pod, 1000 + i, r, state) for i, r in enumerate(remotes)]
    if state == "stream":
        lab.advance(4)
        for i, r in enumerate(remotes):
            masquerade(lab, udp(pod.ip[family], r, 1000 + i, 80), family, "udp")
    return ports


def young(state):
    """State of new flows of the other pod: its answered exchanges would be evicted first."""
    return "unreplied" if state == "stream" else state


def far(family, number):
    return f"203.0.113.{number + 20}" if family == 4 else f"2001:db8:2::{number + 256:x}"


def living(lab, *pods):
    """Number of flows of each pod; the table must be consistent."""
    table = Table(lab.maps)
    table.check(lab.now)
    table.check_slots()
    slots = [r.pod[0] for r in table.records.values() if r.expires >= lab.now]
    return [slots.count(pod.slot) for pod in pods]


def states(lab, pod):
    return [r.state for r in Table(lab.maps).records.values() if r.pod[0] == pod.slot]


@case("share: all ports to a host, {state}: another pod gets half of them, no more, IPv{family}",
      family=BOTH, state=STATES, lab="small", complete=False)
def ports_taken(lab, family, state):
    hold(lab, family, A, PORTS, state, W[family])
    for i in range(3 * PORTS):
        flow(lab, family, B, 3000 + i, W[family], young(state))
        assert living(lab, A, B) == [max(PORTS - 1 - i, PORTS // 2), min(i + 1, PORTS // 2)]
    assert lab.counted("no_port") == 0
    assert lab.counted("flow_displaced") == 3 * PORTS


@case("share: a full table, {state}: another pod gets half of it, no more, IPv{family}",
      family=BOTH, state=STATES, lab="small", complete=False)
def table_taken(lab, family, state):
    hold(lab, family, A, FLOWS, state)
    for i in range(2 * FLOWS):
        flow(lab, family, B, 3000 + i, far(family, 100 + i), young(state))
    assert living(lab, A, B) == [FLOWS // 2, FLOWS // 2]
    assert lab.counted("table_full") == 0


@case("share: {flood} of a pod does not end {state} flows of another, IPv{family}", family=BOTH,
      state=("syn", "established", "reset", "unreplied", "stream"),
      flood=("a flood to one host", "a flood to many"), lab="small", complete=False)
def flooded(lab, family, state, flood):
    one = W[family] if "one" in flood else None
    mine = hold(lab, family, B, 5, state, W[family])
    for i in range(5 * FLOWS):
        remote = one or far(family, i % 200)
        masquerade(lab, l4(kind(state), A.ip[family], remote, 4000 + i, 80), family, kind(state))
    assert living(lab, B) == [5], f"{living(lab, B)} of 5 are left"
    for i, port in enumerate(mine):
        more = dict(flags="A") if state in ("established", "reset") else {}
        packet = l4(kind(state), B.ip[family], W[family], 1000 + i, 80, **more)
        assert masquerade(lab, packet, family, kind(state)) == port
    # and it opens more
    for i in range(3):
        masquerade(lab, l4(kind(state), B.ip[family], W[family], 2000 + i, 80), family, kind(state))
    assert living(lab, B) == [8]
    assert lab.counted("no_port") == lab.counted("table_full") == 0


@case("share: three pods, {what}: a third each, IPv{family}", family=BOTH,
      what=("ports", "slots"), lab="small", complete=False)
def three(lab, family, what):
    for i in range(3 * FLOWS):
        for pod in (A, B, D):
            remote = W[family] if what == "ports" else far(family, i)
            masquerade(lab, udp(pod.ip[family], remote, 1000 + i, 80), family, "udp")
    total = PORTS if what == "ports" else FLOWS
    assert sorted(living(lab, A, B, D)) == [total // 3, total // 3, total - 2 * (total // 3)]


@case("share: eviction takes a pod's exchanges, then unanswered, then live flows, IPv{family}",
      family=BOTH, lab="small", complete=False)
def udp_order(lab, family):
    remotes = [far(family, i) for i in range(FLOWS)]
    for i, remote in enumerate(remotes[:48]):
        flow(lab, family, A, 1000 + i, remote, "replied")
    lab.advance(4)
    for i, remote in enumerate(remotes[:16]):
        masquerade(lab, udp(A.ip[family], remote, 1000 + i, 80), family, "udp")
    for i, remote in enumerate(remotes[48:]):
        flow(lab, family, A, 2000 + i, remote, "unreplied")
    kinds = ["FLOW_STREAM"] * 16 + ["FLOW_REPLIED"] * 32 + ["FLOW_UNREPLIED"] * 16
    assert sorted(states(lab, A)) == sorted(kinds)
    for i in range(32):
        flow(lab, family, A, 3000 + i, W[family] if i % 2 else W2[family], "unreplied")
    left = states(lab, A)
    assert sorted(left) == ["FLOW_STREAM"] * 16 + ["FLOW_UNREPLIED"] * 48, left


@case("share: eviction takes the oldest of a pod's {state} flows, IPv{family}", family=BOTH, state=STATES,
      lab="small", complete=False)
def oldest(lab, family, state):
    ports = []
    for i in range(PORTS):
        ports.append(flow(lab, family, A, 1000 + i, W[family], state))
        lab.advance(1)
    if state == "stream":
        for i in range(PORTS):
            lab.advance(1)
            masquerade(lab, udp(A.ip[family], W[family], 1000 + i, 80), family, "udp")
    for i in range(5):
        late = l4(kind(state), A.ip[family], W[family], 2000 + i, 80)
        if state in ("syn", "unreplied") or not i:
            assert masquerade(lab, late, family, kind(state)) == ports[i]


@case("share: a forged RST frees no port and no slot for another pod, IPv{family}", family=BOTH,
      lab="small", complete=False)
def reset_is_kept(lab, family):
    ports = hold(lab, family, B, 8, "reset", W[family])
    hold(lab, family, A, 8, "established", W[family])
    for i in range(100):
        masquerade(lab, tcp(A.ip[family], W[family], 3000 + i, 80), family, "tcp")
        masquerade(lab, tcp(A.ip[family], far(family, i), 3000 + i, 80), family, "tcp")
    for i, port in enumerate(ports):
        answer = tcp(W[family], N1[family], 80, port, "A")
        assert lab.from_net(answer).redirects, f"B's connection {i} has ended"


@case("share: a resolver asks one server 2000 questions with 16 ports, IPv{family}", family=BOTH,
      lab="small", complete=False, cached=False)
def resolver(lab, family):
    keep = flow(lab, family, B, 1000, W[family], "unreplied")
    for i in range(2000):
        flow(lab, family, A, 1024 + i, W[family], "replied")
        if i % 1000 == 999:
            lab.advance(1)
    assert masquerade(lab, udp(B.ip[family], W[family], 1000, 80), family, "udp") == keep
    assert lab.counted("no_port") == lab.counted("table_full") == 0


@case("share: all 300 ports to one host taken: the sample finds the holders, IPv{family}",
      family=BOTH, lab="dense", complete=False, cached=False)
def sampled(lab, family):
    for i in range(10):
        flow(lab, family, B, 1000 + i, W[family], "established")
    for i in range(600):
        masquerade(lab, tcp(A.ip[family], W[family], 2000 + i, 80), family, "tcp")
    for i in range(20):
        flow(lab, family, B, 5000 + i, W[family], "established")
    assert living(lab, A, B) == [270, 30]
    assert lab.counted("no_port") == 0


@case("share: protocols without ports do not evict each other, IPv{family}", family=BOTH,
      lab="small", complete=False)
def portless(lab, family):
    masquerade(lab, sctp(A.ip[family], W[family], 1000, 80), family, "sctp")
    for _ in range(3):
        lab.to_net(sctp(B.ip[family], W[family], 1000, 80)).dropped()
    assert living(lab, A, B) == [1, 0]
    assert lab.counted("taken") == 3


@case("share: echoes of another pod pass although one fills the table, IPv{family}", family=BOTH,
      lab="small", complete=False)
def echoes(lab, family):
    for i in range(3 * FLOWS):
        masquerade(lab, echo(A.ip[family], W[family], 1000 + i), family, "echo")
    for i in range(FLOWS):
        masquerade(lab, echo(B.ip[family], W[family], 9000 + i), family, "echo")
    assert living(lab, A, B) == [FLOWS // 2, FLOWS // 2]


@case("share: a new pod in a slot does not inherit the old one's flows, IPv{family}", family=BOTH,
      lab="small", complete=False)
def heir(lab, family):
    hold(lab, family, A, FLOWS, "established")
    lab.put_pod(A, generation=A.generation + 1)
    for i in range(FLOWS // 2):
        masquerade(lab, tcp(B.ip[family], far(family, i), 3000 + i, 80), family, "tcp")
    for i in range(FLOWS // 2):
        masquerade(lab, tcp(A.ip[family], far(family, i), 3000 + i, 80), family, "tcp")
    assert lab.counted("flow_displaced") == lab.counted("table_full") == 0
    assert living(lab, A, B) == [FLOWS // 2, FLOWS // 2]
