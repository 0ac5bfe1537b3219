import { addWords } from "@/words";
import en from "./words.en";
import zh from "./words.zh";

addWords("admin_content", zh, en);
