// entry point
return 0;
