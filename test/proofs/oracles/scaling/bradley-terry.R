# What R makes of rows in sirt's layout (id1 was read first): Rscript bradley-terry.R ROWS PENALTY. A figure a line: its name, a tab, its value.
suppressMessages(library(BradleyTerry2))
given <- commandArgs(trailingOnly = TRUE)
rows <- read.csv(given[1], colClasses = c("character", "character", "integer", "character"))
penalty <- as.numeric(given[2])
tell <- function(name, value) cat(sprintf("%s\t%.12g\n", name, value), sep = "")

ids <- sort(unique(c(rows$id1, rows$id2)), method = "radix")
count <- length(ids)
design <- matrix(0, nrow(rows), count, dimnames = list(NULL, ids))
design[cbind(seq_len(nrow(rows)), match(rows$id1, ids))] <- 1
design[cbind(seq_len(nrow(rows)), match(rows$id2, ids))] <- -1
exact <- glm.control(epsilon = 1e-15, maxit = 200)

if (penalty == 0) {
  # By the package: scores and errors are those of differences to the first essay.
  first <- data.frame(essay = factor(rows$id1, levels = ids), at.home = 1)
  second <- data.frame(essay = factor(rows$id2, levels = ids), at.home = 0)
  fit <- BTm(rows$result, first, second, ~ essay + at.home, id = "essay", refcat = ids[1], control = exact)
  found <- summary(fit)$coefficients
  tell("eta", found["at.home", 1])
  tell("eta_se", found["at.home", 2])
  for (id in ids[-1]) {
    tell(paste0("difference ", id), found[paste0("essay", id), 1])
    tell(paste0("error ", id), found[paste0("essay", id), 2])
  }
} else {
  # A penalty is half a win and half a loss against an essay at 0, so often.
  all <- rbind(cbind(design, eta = 1), cbind(diag(count), 0))
  won <- c(rows$result, rep(0.5, count))
  weight <- c(rep(1, nrow(rows)), rep(2 * penalty, count))
  fit <- suppressWarnings(glm.fit(all, won, weights = weight, family = binomial(), control = exact))
  theta <- fit$coefficients[seq_len(count)]
  eta <- fit$coefficients[count + 1]
  # Errors are from the verdicts alone, given that the scores' mean is 0.
  chance <- plogis(design %*% theta + eta)
  with_eta <- cbind(design, 1)
  information <- t(with_eta) %*% (with_eta * as.vector(chance * (1 - chance)))
  together <- matrix(0, count + 1, count + 1)
  together[seq_len(count), seq_len(count)] <- 1 / count
  covariance <- solve(information + together) - together
  tell("eta", eta)
  tell("eta_se", sqrt(covariance[count + 1, count + 1]))
  for (at in seq_len(count)) {
    tell(paste0("score ", ids[at]), theta[at] - mean(theta))
    tell(paste0("error ", ids[at]), sqrt(covariance[at, at]))
  }
}
