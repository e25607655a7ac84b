# Exact p and Wilson's interval of so many of so many: Rscript shares.R FLIPS_TO_FIRST FLIPS_TO_SECOND CONSISTENT PAIRS
given <- as.integer(commandArgs(trailingOnly = TRUE))
wilson <- suppressWarnings(prop.test(given[3], given[4], correct = FALSE))$conf.int
cat(sprintf("p\t%.12g\nlow\t%.12g\nhigh\t%.12g\n", binom.test(given[1], given[1] + given[2])$p.value, wilson[1], wilson[2]))
