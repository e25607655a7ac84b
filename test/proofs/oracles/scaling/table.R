# A table as R reads it: Rscript table.R FILE COLUMN. Its rows, then the column's cells, each as the numbers of its characters.
given <- commandArgs(trailingOnly = TRUE)
table <- read.csv(given[1], colClasses = "character", encoding = "UTF-8")
cat(sprintf("rows\t%d\n", nrow(table)))
for (cell in table[[given[2]]]) cat(sprintf("cell\t%s\n", paste(utf8ToInt(enc2utf8(cell)), collapse = " ")))
