unsigned ones(unsigned x);
