"""What each label should serve, as a model: generations, their declarations, and the sockets of the host. It knows
nothing of maps or pins. Time does not pass in it: whoever drives it says when a trial has run out.

What an operator does by hand to a socket is noted for a label, whatever generations come: it was put before the declared
ones (an override), or drained. That ends with the socket. A label that declares nothing has slots, all generations the
same; one for each flow class, or many once a group was registered, or an override went before what is registered. This
stands behind it then, and is noted. What is drained is noted with what it was before: when it is drained no longer, it is
that again."""
import dataclasses
import typing

REFUSED, USUAL = "refused", "usual"
OVERRIDE, DRAINED, BEHIND = "override", "drained", "behind"
DONE, RULES, SYSTEM, NOT_THERE = 0, 1, 3, 4  # exit statuses
MANY = 16


class Endpoint(typing.NamedTuple):
    """An endpoint that rules declare; ADDRESS is None for any."""
    is_udp: bool
    address: str | None
    port: int

    def takes(self, service):
        return (self.is_udp, self.port) == (service.is_udp, service.port) and self.address in (None, service.address)

    def text(self):
        address = "*" if self.address is None else f"[{self.address}]" if ":" in self.address else self.address
        return f"{'udp' if self.is_udp else 'tcp'} {address}:{self.port}"


@dataclasses.dataclass(frozen=True)
class Service:
    """A socket that listens or receives; those of one place are a SO_REUSEPORT group. IPv6 ones take IPv6 only."""
    is_udp: bool
    is_ipv6: bool
    address: str
    port: int
    number: int
    cookie: int = dataclasses.field(default=0, compare=False)

    @property
    def flow_class(self):
        return self.is_udp, self.is_ipv6

    @property
    def place(self):
        return self.is_udp, self.address, self.port

    @property
    def endpoint(self):
        """As `drain` takes it."""
        return f"[{self.address}]:{self.port}" if self.is_ipv6 else f"{self.address}:{self.port}"


@dataclasses.dataclass
class Hand:
    """What was done by hand."""
    kind: str
    is_chosen: bool = False  # named itself, not brought along by another of its group
    was_override: bool = False  # of what is drained
    was_registered: bool = False  # stood in the slots of a label that declares nothing
    was_first: bool = False  # in the first one


@dataclasses.dataclass(eq=False)
class Generation:
    """RULES: for each label, the endpoints that it declares; none if it is filled by hand."""
    rules: dict
    previous: "Generation | None" = None

    def keys(self):
        return set(self.rules.items())


class Model:
    """The sockets of a host, and the generations of its rules."""

    def __init__(self):
        self.live = set()
        self.behind = {}  # sockets that stand behind a declared label, by label and declaration
        self.slots = {}  # of labels that declare nothing, by label and flow class
        self.hands = {}  # what was done by hand, by label and socket
        self.current = self.tried = None
        self.is_over = False  # a trial is over, and no command has settled that yet
        self.is_untried = False  # the rules that decide were to be tried since they were applied

    # what happens

    def start(self, service):
        """The follower puts a TCP listener behind the labels of the rules in force, and of those that may come back."""
        self.live.add(service)
        for label, endpoints in self.followed():
            if not service.is_udp and self.fits(label, endpoints, service):
                self.behind.setdefault((label, endpoints), set()).add(service)

    def stop(self, service):
        self.live.discard(service)
        self.take_out(service)
        self.hands = {key: hand for key, hand in self.hands.items() if key[1] != service}

    def apply(self, rules, trial=False):
        """False: refused, since rules are on trial."""
        self.settle()
        if self.tried:
            return False
        if self.current and list(rules.items()) == list(self.current.rules.items()):
            self.sync_all()
            self.is_untried = trial or self.is_untried
            return True
        self.is_untried = False
        made = Generation(dict(rules), self.current)
        for label, endpoints in made.keys():
            if not endpoints:
                self.give_slots(label)
        self.place_overrides()
        self.fill(made)
        if trial:
            self.tried = made
        else:
            self.current = made
        self.forget()
        return True

    def confirm(self):
        self.settle()
        if not self.tried:
            was_untried, self.is_untried = self.is_untried, False
            return was_untried
        self.current, self.tried = self.tried, None
        self.forget()
        return True

    def expire(self):
        """The time of the trial is over. The kernel goes back by itself; what was kept for the trial is kept until the
        next command settles it."""
        self.tried = None
        self.is_over = True

    def rollback(self, to=None):
        """TO: one of history(); by default the one before."""
        if self.tried:
            self.tried = None
            self.forget()
            return True
        if self.settle() and self.current and not to:
            return True  # once is meant, not twice
        to = to or (self.current and self.current.previous)
        return bool(to) and self.apply(to.rules)

    def settle(self):
        """What each command that changes something does first. Returns whether a trial was over."""
        was_over, self.is_over = self.is_over, False
        if was_over:
            self.forget()
        return was_over

    def history(self):
        """The generations that are kept, from the newest on."""
        generation, found = self.in_force(), []
        while generation:
            found.append(generation)
            generation = generation.previous
        return found

    def sync(self):
        self.settle()
        if not self.in_force():
            return False
        self.place_overrides()
        self.fill(self.in_force())
        if self.tried and self.current:
            self.fill(self.current)
        return True

    def sync_all(self):
        """Also gives free slots to members of a group of which another stands behind a label that declares nothing."""
        if not self.sync():
            return False
        for (label, flow_class), slots in self.slots.items():
            standing = list(filter(None, slots)) if len(slots) > 1 else []
            overrides = self.hands_of(label, OVERRIDE, flow_class)
            for each in [each for each in standing if each not in overrides] or standing:
                self.complete(slots, self.group(each), self.hands_of(label, DRAINED, flow_class))
        return True

    def complete(self, slots, group, drained):
        if group & drained:
            return
        for member in sorted(group - set(slots), key=lambda each: each.cookie):
            if None in slots:
                slots[slots.index(None)] = member

    # by hand; each returns the status

    def register(self, label, service, override=False):
        self.settle()
        key = self.key_of(label)
        if not key:
            return NOT_THERE
        if not key[1]:
            self.register_undeclared(label, service)
            return DONE
        if not override and not any(each.takes(service) for each in key[1]):
            return RULES
        group = self.group(service)
        if override:
            self.put_before(label, service, group)
        else:
            self.end_hands(label, group)
        self.end_others(label, service.flow_class, group)
        self.sync()
        return DONE

    def put_before(self, label, service, group):
        slots = self.slots.get((label, service.flow_class), [])
        registered = {each for each in slots if each and (label, each) not in self.hands} | {
            each for (name, each), hand in self.hands.items()
            if (name, each.flow_class) == (label, service.flow_class) and hand.was_registered}
        for member in group:
            self.take_out_declared(label, member)
            self.hands[label, member] = Hand(OVERRIDE, member == service, was_registered=member in registered)
        if slots and (len(group) > 1 or registered - group):
            self.make_many(label, service.flow_class)

    def register_undeclared(self, label, service):
        group, flow_class = self.group(service), service.flow_class
        if len(group) > 1:
            self.make_many(label, flow_class)
        slots = self.slots[label, flow_class]
        others = sorted(group - {service}, key=lambda each: each.cookie)
        slots[:] = [*[service, *others][:len(slots)], *[None] * (len(slots) - len(group))]
        self.end_others(label, flow_class, group)
        self.end_registered(label, flow_class)
        self.forget_hands(label, group)

    def end_others(self, label, flow_class, group=frozenset()):
        """Overrides end, also those that are drained."""
        for other in self.hands_of(label, OVERRIDE, flow_class) - group:
            self.end_hands(label, {other})
            self.take_out(other, label)
        for other in self.hands_of(label, DRAINED, flow_class) - group:
            self.hands[label, other].was_override = False

    def end_registered(self, label, flow_class):
        for other in self.hands_of(label, DRAINED, flow_class):
            self.hands[label, other].was_registered = False
        self.forget_hands(label, self.hands_of(label, BEHIND, flow_class))

    def end_hands(self, label, services):
        """What was registered waits for a slot then."""
        for service in services & {each for name, each in self.hands if name == label}:
            hand = self.hands.pop((label, service))
            if hand.was_registered:
                self.hands[label, service] = Hand(BEHIND, was_registered=True, was_first=hand.was_first)

    def unregister(self, label, flow_classes):
        self.settle()
        key = self.key_of(label)
        if not key:
            return NOT_THERE
        for flow_class in flow_classes:
            self.end_others(label, flow_class)
        if key[1]:
            self.place_overrides()
            self.behind[key] = {each for each in self.behind[key] if each.flow_class not in flow_classes}
        else:
            for flow_class in flow_classes:
                slots = self.slots[label, flow_class]
                slots[:] = [None] * len(slots)
                self.end_registered(label, flow_class)
        return DONE

    def standing(self, label, is_meant, in_all):
        """The sockets that IS_MEANT chooses of those that stand behind the label in the rules that decide, or IN_ALL,
        or are drained: those that surely are, and those that may be. In the slots of rules that are neither in force nor on trial, an override may have taken the place of any."""
        key_now = self.key_of(label)
        sure = {service for (name, _), slots in self.slots.items() if name == label and (in_all or key_now == (label, ()))
                for service in slots if service}
        sure |= {service for (name, service), hand in self.hands.items() if name == label and hand.kind != BEHIND}
        maybe = set(sure)
        for key, behind in self.behind.items():
            if key[0] == label and (in_all or key == key_now):
                maybe |= behind
                sure |= behind if key in self.followed() else set()
        return [{member for service in found if is_meant(service) for member in self.group(service)}
                for found in (sure, maybe)]

    def drain(self, label, drained):
        """DRAINED: what stood there, and what is of a group with it."""
        for service in drained:
            hand = self.hands.setdefault((label, service), Hand(DRAINED))
            slots = self.slots.get((label, service.flow_class), [])
            if hand.kind == OVERRIDE:
                hand.kind, hand.was_override = DRAINED, True
            elif service in slots:
                hand.was_registered, hand.was_first = True, hand.was_first or slots[0] == service
            if hand.kind == BEHIND:
                hand.kind = DRAINED
        for service in drained:
            self.take_out(service, label)
        self.sync()

    def undrain(self, label, is_meant):
        self.settle()
        key = self.key_of(label)
        drained = sorted((service for name, service in self.hands if name == label and is_meant(service)
                          and self.hands[name, service].kind == DRAINED), key=lambda each: each.cookie)
        if not key or not drained:
            return NOT_THERE
        with_groups = list(dict.fromkeys([*drained, *(
            member for service in drained for member in sorted(self.group(service), key=lambda each: each.cookie)
            if (label, member) in self.hands and self.hands[label, member].kind == DRAINED)]))
        overrides = {service for service in with_groups if self.hands[label, service].was_override}
        for service in overrides:
            self.hands[label, service].kind, self.hands[label, service].was_override = OVERRIDE, False
        self.end_hands(label, set(with_groups) - overrides)
        self.sync()
        return DONE

    def detach(self):
        self.current = self.tried = None
        self.is_over = self.is_untried = False
        self.hands = {}
        self.forget()

    # what follows from it

    def group(self, service):
        return {each for each in self.live if each.place == service.place}

    def hands_of(self, label, kind, flow_class):
        return {service for (name, service), hand in self.hands.items()
                if (name, hand.kind, service.flow_class) == (label, kind, flow_class)}

    def forget_hands(self, label, services):
        self.hands = {key: hand for key, hand in self.hands.items() if key[0] != label or key[1] not in services}

    def fits(self, label, endpoints, service):
        """Whether a socket, as it comes or is found, is for the declared label. A drained member keeps its group out."""
        drained = self.hands_of(label, DRAINED, service.flow_class)
        hand = self.hands.get((label, service))
        return (any(each.takes(service) for each in endpoints) and (not hand or hand.kind == BEHIND) and not self.group(service) & drained)

    def fill(self, generation):
        """A search finds the declared sockets."""
        for label, endpoints in generation.keys():
            if endpoints:
                self.behind[label, endpoints] = {each for each in self.live if self.fits(label, endpoints, each)}

    def followed(self):
        generations = [self.in_force(), self.current] if self.tried else [self.current]
        return set().union(*(each.keys() for each in generations if each))

    def key_of(self, label):
        """What the label declares in the rules that decide, or else in those before."""
        generation = self.in_force()
        for each in (generation, generation and generation.previous):
            if each and label in each.rules:
                return label, each.rules[label]
        return None

    def take_out_declared(self, label, service):
        for (name, _), behind in self.behind.items():
            if label in (name, None):
                behind.discard(service)

    def take_out(self, service, label=None):
        """Out of what stands behind a label, or behind all."""
        self.take_out_declared(label, service)
        for (name, _), slots in self.slots.items():
            if label in (name, None) and service in slots:
                slots[slots.index(service)] = None

    def give_slots(self, label):
        for flow_class in [(is_udp, is_ipv6) for is_udp in (False, True) for is_ipv6 in (False, True)]:
            self.slots.setdefault((label, flow_class), [None])
            overrides = self.hands_of(label, OVERRIDE, flow_class) | {
                each for each in self.hands_of(label, DRAINED, flow_class) if self.hands[label, each].was_override}
            if len(overrides) > 1:
                self.make_many(label, flow_class)

    def make_many(self, label, flow_class):
        slots = self.slots[label, flow_class]
        slots += [None] * (MANY - len(slots))

    def place_overrides(self):
        """They have the first slots of labels that declare nothing, too, and what is registered has others."""
        for (label, flow_class), slots in self.slots.items():
            first = sorted(self.hands_of(label, OVERRIDE, flow_class),
                           key=lambda each: (not self.hands[label, each].is_chosen, each.cookie))[:len(slots)]
            for service in filter(None, slots if first else []):
                self.hands.setdefault((label, service), Hand(BEHIND, was_registered=True, was_first=slots[0] == service))
            behind = sorted(self.hands_of(label, BEHIND, flow_class),
                            key=lambda each: (not self.hands[label, each].was_first, each.cookie))
            if first or behind:
                rest = [each for each in slots if each and each not in first and each not in behind]
                slots[:] = [*first, *behind, *rest, *[None] * len(slots)][:len(slots)]
            if not first:
                self.forget_hands(label, set(behind))

    def kept(self):
        """The current, the previous and the tried generation; during a trial also the one before those."""
        before = self.current.previous if self.current else None
        return [each for each in (self.tried, self.current, before) if each]

    def forget(self):
        """Only generations that are kept have slots; those that a command leaves have none any more. With the last rules,
        what was done by hand goes too."""
        self.hands = self.hands if self.kept() else {}
        keys = set().union(*(each.keys() for each in self.kept()))
        self.behind = {key: behind for key, behind in self.behind.items() if key in keys}
        named = {label for label, _ in keys}
        used = ({label for (label, _), slots in self.slots.items() if any(slots)}
                | {label for (label, _), hand in self.hands.items() if hand.was_registered})
        self.slots = {key: slots for key, slots in self.slots.items()
                      if (key[0], ()) in keys or key[0] in named & used}
        for (label, service), hand in list(self.hands.items()):
            hand.was_registered = hand.was_registered and (label, service.flow_class) in self.slots
            if hand.kind == BEHIND and not hand.was_registered:
                del self.hands[label, service]

    def in_force(self):
        return self.tried or self.current

    def serving(self, label, is_udp, is_ipv6):
        """The services that may get a packet for the label; or USUAL, if no rule is about it."""
        generation = self.in_force()
        if not generation or label not in generation.rules:
            return USUAL
        endpoints, flow_class = generation.rules[label], (is_udp, is_ipv6)
        if not endpoints:
            first = [service for service in self.slots[label, flow_class] if service]
            return self.group(first[0]) if first else REFUSED
        overrides = self.hands_of(label, OVERRIDE, flow_class)
        behind = self.behind.get((label, endpoints), set())
        for fit in [overrides, *({service for service in behind if service.flow_class == flow_class
                                  and endpoint.takes(service)} for endpoint in endpoints)]:
            if fit:
                return set().union(*(self.group(service) for service in fit))
        return REFUSED


def text_of(rules, port_of):
    """The rules as text: PORT_OF gives the port of a label."""
    lines = []
    for label, endpoints in rules.items():
        if endpoints:
            lines += [f"socket {label} {{", *(f"\t{endpoint.text()}" for endpoint in endpoints), "}"]
        lines += [f"tcp dport {port_of(label)} redirect to {label}", f"udp dport {port_of(label)} redirect to {label}"]
    return "\n".join(lines) + "\n"
