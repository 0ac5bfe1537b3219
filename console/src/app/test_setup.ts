import "@/words";
