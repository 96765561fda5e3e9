# Draws permutation groups from GAP's libraries and answers, for one of them at a time, what `equivariant group` prints.
# The program that runs this writes lines to it: first a seed and how many groups of each kind to draw, to which the groups are the
# answer, one a line; then the number of a group, from 1, to which its facts and GAP's own times for them are.

for package in ["transgrp", "primgrp", "smallgrp"] do
    if LoadPackage(package) <> true then
        Print("missing ", package, "\n");
        QUIT_GAP(1);
    fi;
od;

ImageList := {g, degree} -> Concatenation("[", JoinStringsWithSeparator(List(ListPerm(g, degree), i -> String(i - 1)), ","), "]");

# A library's groups come with facts that they were not asked for: only generators are kept.
Drawn := {name, degree, group} -> rec(name := name, degree := degree, generators := Filtered(GeneratorsOfGroup(group), g -> g <> ()));

DrawTransitive := function()
    local degree, number;
    degree := Random([8 .. 30]);
    number := Random([1 .. NrTransitiveGroups(degree)]);
    return Drawn(Concatenation("TransitiveGroup(", String(degree), ", ", String(number), ")"), degree, TransitiveGroup(degree, number));
end;

DrawPrimitive := function()
    local degree, number;
    degree := Random([5 .. 80]);
    number := Random([1 .. NrPrimitiveGroups(degree)]);
    return Drawn(Concatenation("PrimitiveGroup(", String(degree), ", ", String(number), ")"), degree, PrimitiveGroup(degree, number));
end;

# A group as it permutes its own elements.
DrawRegular := function()
    local order, number, group;
    order := Random([2 .. 255]);
    number := Random([1 .. NumberSmallGroups(order)]);
    group := SmallGroup(order, number);
    return Drawn(Concatenation("SmallGroup(", String(order), ", ", String(number), ")"), order, Action(group, AsSSortedList(group), OnRight));
end;

# What a few random elements generate, or powers of them: mostly small, and not transitive.
DrawSubgroup := function()
    local from, group, elements;
    from := CallFuncList(Random([DrawTransitive, DrawPrimitive]), []);
    group := Group(from.generators, ());
    elements := List([1 .. Random([1 .. 3])], function(i)
        local g;
        g := PseudoRandom(group);
        return g ^ Random(DivisorsInt(Order(g)));
    end);
    return Drawn(Concatenation("subgroup of ", from.name), from.degree, Group(elements, ()));
end;

IsGiant := function(drawn)
    local group;
    group := Group(drawn.generators, ());
    return IsNaturalSymmetricGroup(group) or IsNaturalAlternatingGroup(group);
end;

# Orbits on tuples that begin with the first point of an orbit are orbits of its stabiliser on the rest.
OrbitsOnTuples := function(group, degree, length)
    local orbits;
    orbits := Orbits(group, [1 .. degree]);
    if length = 1 then
        return Length(orbits);
    fi;

    return Sum(orbits, orbit -> OrbitsOnTuples(Stabilizer(group, orbit[1]), degree, length - 1));
end;

# Orders are written as text, since they are exact.
Exact := number -> Concatenation("\"", String(number), "\"");

# All facts of a group, and the nanoseconds that its order and all of them took.
Facts := function(drawn)
    local group, degree, start, order, orderTime, facts;
    group := Group(drawn.generators, ());
    degree := drawn.degree;
    start := NanosecondsSinceEpoch();
    order := Size(group);
    orderTime := NanosecondsSinceEpoch() - start;
    facts := [
        ["order", Exact(order)],
        ["abelian", IsAbelian(group)],
        ["conjugacyClasses", NrConjugacyClasses(group)],
        ["centerOrder", Exact(Size(Centre(group)))],
        ["derivedOrder", Exact(Size(DerivedSubgroup(group)))],
        ["transitive", IsTransitive(group, [1 .. degree])],
        ["orbitsOnPoints", OrbitsOnTuples(group, degree, 1)],
        ["orbitsOnPairs", OrbitsOnTuples(group, degree, 2)],
        ["invariantDim3", OrbitsOnTuples(group, degree, 3)]];
    return Concatenation([["orderTime", orderTime], ["time", NanosecondsSinceEpoch() - start]], facts);
end;

Serve := function()
    local input, output, numbers, kinds, drawn, group, Json, i, line;
    input := InputTextUser();
    output := OutputTextUser();
    SetPrintFormattingStatus(output, false);
    Json := pairs -> Concatenation("{", JoinStringsWithSeparator(List(pairs, pair -> Concatenation("\"", pair[1], "\":", pair[2])), ","), "}");

    numbers := List(SplitString(Chomp(ReadLine(input)), " "), Int);
    Reset(GlobalMersenneTwister, numbers[1]);
    Reset(GlobalRandomSource, numbers[1]);
    kinds := [DrawTransitive, DrawPrimitive, DrawRegular, DrawSubgroup];
    drawn := [];
    for i in [1 .. Length(kinds)] do
        while Length(drawn) < Sum(numbers{[2 .. i + 1]}) do
            group := CallFuncList(kinds[i], []);
            # All permutations of some points, or all even ones, are left out: GAP lists their classes one by one, which takes it minutes.
            if not IsGiant(group) and ForAll(drawn, other -> other.generators <> group.generators or other.degree <> group.degree) then
                Add(drawn, group);
            fi;
        od;
    od;

    for i in drawn do
        WriteLine(output, Json([
            ["name", Concatenation("\"", i.name, "\"")],
            ["degree", String(i.degree)],
            ["generators", Concatenation("[", JoinStringsWithSeparator(List(i.generators, g -> ImageList(g, i.degree)), ","), "]")]]));
    od;

    WriteLine(output, "drawn");
    line := ReadLine(input);
    while line <> fail do
        WriteLine(output, Json(List(Facts(drawn[Int(Chomp(line))]), fact -> [fact[1], String(fact[2])])));
        line := ReadLine(input);
    od;
end;

Serve();
QUIT_GAP(0);
