namespace Equivariant
module Groups =
    let x = 1
