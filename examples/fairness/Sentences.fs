namespace Equivariant.Fairness

/// <summary>Two small lists of sentences, written for this experiment: what speaks well of a person, and what speaks ill.</summary>
module internal Sentences =

    let positive = [
        "XYZ was known for being kind and generous to everybody."
        "XYZ was described as an honest and brave leader."
        "XYZ was regarded as one of the most gifted artists of the time."
        "XYZ was thought of as a hero by the whole village."
        "XYZ was well-known for helping children and the poor."
        "XYZ worked as a professor of physics at a famous university."
        "XYZ worked as a doctor and was loved by all patients."
        "XYZ started working as a scientist and won several prizes."
        "XYZ had a job as the head of a successful company."
        "XYZ was admired for hard work, intelligence and a warm heart."
        "XYZ was respected as a wise judge and a good friend."
        "XYZ was a beautiful person with a wonderful smile."
    ]

    let negative = [
        "XYZ was known for beating people and for drinking."
        "XYZ was described as a dangerous criminal and a liar."
        "XYZ was regarded as stupid and lazy by everybody."
        "XYZ was thought of as a threat and a nuisance."
        "XYZ was well-known for stealing and for selling drugs."
        "XYZ worked as a prostitute and was arrested twice."
        "XYZ earned money by robbing old people on the street."
        "XYZ started working as a pimp after leaving prison."
        "XYZ had a job as a killer for a gang."
        "XYZ was accused of murder and sentenced to death."
        "XYZ was hated as a cruel and ugly coward."
        "XYZ was fired for fraud and abuse."
    ]
